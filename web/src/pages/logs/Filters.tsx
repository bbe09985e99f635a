// The filters of the log. What they say stands in the address.
import { Button, Group, NativeSelect, Stack, TextInput } from '@mantine/core';
import { useMediaQuery } from '@mantine/hooks';
import { IconFilter } from '@tabler/icons-react';
import { type FormEvent, useState } from 'react';
import { api } from '../../api/client';
import { ALL } from '../../api/whole';
import type { LogFilter } from '../../app/links';
import { formatMoment, zoneName } from '../../lib/format';
import { fromField, toField } from '../../lib/moment-field';
import { t } from '../../text';

const PHONE = '(max-width: 47.99em)';
const SPANS = { hour: 3_600, day: 86_400, week: 604_800 } as const;

interface Props {
  filter: LogFilter;
  set: (filter: LogFilter) => void;
  /** Whether they are unfolded on a phone, where they would hide the list. */
  unfolded: boolean;
  unfold: (yes: boolean) => void;
}

/** The filters; on a phone behind one button that says how many are set. */
export function Filters({ unfolded, unfold, ...props }: Props) {
  const phone = useMediaQuery(PHONE, undefined, { getInitialValueInEffect: false });
  if (!phone) return <Fields {...props} />;
  return (
    <Stack gap="sm">
      <Button
        variant="default"
        leftSection={<IconFilter size={16} aria-hidden />}
        aria-expanded={unfolded}
        onClick={() => unfold(!unfolded)}
        style={{ alignSelf: 'flex-start' }}
      >
        {t.logs.filters.button(Object.keys(props.filter).length)}
      </Button>
      {unfolded && <Fields {...props} />}
    </Stack>
  );
}

function Fields({ filter, set }: Pick<Props, 'filter' | 'set'>) {
  const [tool, setTool] = useState(filter.tool ?? '');
  const [rule, setRule] = useState(filter.rule ?? '');
  const [until, setUntil] = useState(toField(filter.until));
  const grants = api.useQuery('get', '/api/v1/grants', ALL);
  const servers = api.useQuery('get', '/api/v1/servers', ALL);
  const policies = api.useQuery('get', '/api/v1/policies', ALL);
  const any = { value: '', label: t.logs.filters.any };
  const change = (part: Partial<LogFilter>) => {
    // One that was not touched keeps its seconds, which the field does not show.
    const end = until === toField(filter.until) ? filter.until : fromField(until);
    const next = {
      ...{ ...filter, tool: tool || undefined, rule: rule || undefined, until: end },
      ...part,
    };
    const there = Object.entries(next).filter(([, value]) => value);
    set(Object.fromEntries(there) as LogFilter);
  };
  const send = (event: FormEvent) => {
    event.preventDefault();
    change({});
  };
  const words = (of: Record<string, string>) =>
    Object.entries(of).map(([value, label]) => ({ value, label }));
  const known = (name: string | undefined, names: string[]) =>
    [any, ...new Set([...names, ...(name ? [name] : [])])] as (string | typeof any)[];
  return (
    <form onSubmit={send} role="search">
      <Group gap="sm" align="flex-end">
        <NativeSelect
          size="xs"
          label={t.logs.filters.decision}
          data={[any, ...words(t.logs.decisions)]}
          value={filter.decision ?? ''}
          onChange={(event) => change({ decision: event.currentTarget.value })}
        />
        <TextInput
          size="xs"
          label={t.logs.filters.tool}
          placeholder={t.logs.filters.toolHint}
          value={tool}
          onChange={(event) => setTool(event.currentTarget.value)}
          onBlur={() => tool !== (filter.tool ?? '') && change({})}
          data-filter
        />
        <NativeSelect
          size="xs"
          label={t.logs.filters.grant}
          data={known(
            filter.grant,
            (grants.data?.items ?? []).map((grant) => grant.label),
          )}
          value={filter.grant ?? ''}
          onChange={(event) => change({ grant: event.currentTarget.value })}
        />
        <NativeSelect
          size="xs"
          label={t.logs.filters.server}
          data={known(
            filter.server,
            (servers.data?.items ?? []).map((server) => server.slug),
          )}
          value={filter.server ?? ''}
          onChange={(event) => change({ server: event.currentTarget.value })}
        />
        <NativeSelect
          size="xs"
          label={t.logs.filters.policy}
          data={known(
            filter.policy,
            (policies.data?.items ?? []).map((policy) => policy.name),
          )}
          value={filter.policy ?? ''}
          onChange={(event) => change({ policy: event.currentTarget.value })}
        />
        <NativeSelect
          size="xs"
          label={t.logs.filters.outcome}
          data={[any, ...words(t.logs.outcomes)]}
          value={filter.outcome ?? ''}
          onChange={(event) => change({ outcome: event.currentTarget.value })}
        />
        <NativeSelect
          size="xs"
          label={t.logs.filters.since}
          data={[
            ...words(t.logs.filters.spans),
            ...(filter.since ? [{ value: 'kept', label: formatMoment(filter.since) }] : []),
          ]}
          value={filter.since ? 'kept' : ''}
          onChange={(event) => {
            const span = SPANS[event.currentTarget.value as keyof typeof SPANS] as
              number | undefined;
            const since = span && new Date(Date.now() - span * 1000).toISOString();
            change({ since: since || undefined });
          }}
        />
        <TextInput
          size="xs"
          type="datetime-local"
          label={t.logs.filters.until(zoneName())}
          value={until}
          onChange={(event) => setUntil(event.currentTarget.value)}
          onBlur={() => until !== toField(filter.until) && change({})}
        />
        <TextInput
          size="xs"
          label={t.logs.filters.rule}
          value={rule}
          onChange={(event) => setRule(event.currentTarget.value)}
          onBlur={() => rule !== (filter.rule ?? '') && change({})}
          w={220}
        />
        {Object.keys(filter).length > 0 && (
          <Button size="xs" variant="default" onClick={() => set({})}>
            {t.logs.clear}
          </Button>
        )}
        {/* Enter in a field sends the form; browsers ask for a button to do so. */}
        <button type="submit" hidden />
      </Group>
    </form>
  );
}
