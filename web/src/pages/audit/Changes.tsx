// The log of changes: who, what, before and after by field, from where. The server filters it.
import { Button, Group, NativeSelect, Stack, Table, Text, TextInput } from '@mantine/core';
import { type FormEvent, type ReactNode, useState } from 'react';
import { api, type Schemas } from '../../api/client';
import { useCan } from '../../app/can';
import type { AuditFilter } from '../../app/links';
import { formatMoment } from '../../lib/format';
import { audit as a } from '../../text/audit';
import { states } from '../../text/shell';
import { Asked, Empty } from '../../ui/Asked';
import { At, Go } from '../../ui/bits';
import { type Known, useKnown } from './known';

/** Counters of the store, which tell people nothing; exports hold them. */
const NOISE = new Set(['revision']);
const c = a.columns;
const SPANS: Record<string, number> = { hour: 3_600, day: 86_400, week: 604_800 };

interface Props {
  filter: AuditFilter;
  set: (filter: AuditFilter) => void;
}

/** The filter without what the API does not know. */
const asked = ({ who, event, subject, since, until }: AuditFilter) =>
  Object.fromEntries(
    Object.entries({ who, event, subject, since, until }).filter(([, value]) => value),
  ) as Record<string, string>;

export function Changes({ filter, set }: Props) {
  const narrowed = asked(filter);
  const query = api.useInfiniteQuery(
    'get',
    '/api/v1/audit',
    { params: { query: { ...narrowed, limit: 200 } } },
    {
      pageParamName: 'after',
      initialPageParam: null as string | null,
      getNextPageParam: (page: { next?: string | null }) => page.next ?? undefined,
    },
  );
  const items =
    query.data?.pages.flatMap((page: { items: Schemas['AuditOut'][] }) => page.items) ?? [];
  return (
    <Stack>
      <Filters key={JSON.stringify(narrowed)} filter={filter} set={set} />
      <Asked query={query}>
        {() =>
          items.length === 0 ? (
            <Empty title={a.empty} text={a.emptyText} />
          ) : (
            <Stack align="flex-start">
              <Lines items={items} />
              {query.hasNextPage && (
                <Button
                  variant="default"
                  loading={query.isFetchingNextPage}
                  onClick={() => void query.fetchNextPage()}
                >
                  {states.more}
                </Button>
              )}
            </Stack>
          )
        }
      </Asked>
    </Stack>
  );
}

function Filters({ filter, set }: Props) {
  const may = useCan();
  const [given, setGiven] = useState({
    who: filter.who ?? '',
    event: filter.event ?? '',
    subject: filter.subject ?? '',
  });
  const change = (part: AuditFilter) => set(asked({ ...filter, ...given, ...part }));
  const send = (event: FormEvent) => {
    event.preventDefault();
    change({});
  };
  const field = (name: keyof typeof given, label: string, hint: string) => (
    <TextInput
      size="xs"
      label={label}
      placeholder={hint}
      value={given[name]}
      onChange={(event) => setGiven({ ...given, [name]: event.currentTarget.value })}
      onBlur={() => given[name] !== (filter[name] ?? '') && change({})}
      {...(name === 'who' ? { 'data-filter': true } : {})}
    />
  );
  const narrowed = asked(filter);
  return (
    <form onSubmit={send} role="search">
      <Group align="flex-end" gap="sm">
        {field('who', a.filterWho, a.filterWhoHint)}
        {field('event', a.filterEvent, a.filterEventHint)}
        {field('subject', a.filterSubject, a.filterSubjectHint)}
        <NativeSelect
          size="xs"
          label={a.filterSince}
          data={[
            ...Object.entries(a.spans).map(([value, label]) => ({ value, label })),
            ...(filter.since ? [{ value: 'kept', label: formatMoment(filter.since) }] : []),
          ]}
          value={filter.since ? 'kept' : ''}
          onChange={(event) => {
            const span = SPANS[event.currentTarget.value];
            change({ since: span ? new Date(Date.now() - span * 1000).toISOString() : undefined });
          }}
        />
        {Object.keys(narrowed).length > 0 && (
          <Button size="xs" variant="default" onClick={() => set({})}>
            {a.clear}
          </Button>
        )}
        {may('audit_export').allowed && (
          <Button
            size="xs"
            variant="default"
            component="a"
            href={`/api/v1/audit/export?${new URLSearchParams(narrowed).toString()}`}
            download="countersign-audit.jsonl"
          >
            {a.export}
          </Button>
        )}
        {/* Enter in a field sends the form; browsers ask for a button to do so. */}
        <button type="submit" hidden />
      </Group>
    </form>
  );
}

function Lines({ items }: { items: Schemas['AuditOut'][] }) {
  const known = useKnown();
  return (
    <Table.ScrollContainer minWidth={860} type="native" className="cs-panel" tabIndex={0} w="100%">
      <Table aria-label={a.title} verticalSpacing={6} className="cs-stack">
        <Table.Thead>
          <Table.Tr>
            {Object.values(a.columns).map((name) => (
              <Table.Th key={name}>{name}</Table.Th>
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {items.map((line) => (
            <Table.Tr key={line.index} id={`entry-${line.index}`} style={{ verticalAlign: 'top' }}>
              <Table.Td data-label={c.index}>{line.index}</Table.Td>
              <Table.Td data-label={c.when}>
                <At at={line.at} />
              </Table.Td>
              <Table.Td data-label={c.who}>{line.name}</Table.Td>
              <Table.Td data-label={c.what} style={{ whiteSpace: 'nowrap' }}>
                {line.event}
              </Table.Td>
              <Table.Td data-label={c.subject} style={{ maxWidth: 220 }}>
                <Subject id={line.subject} known={known} />
              </Table.Td>
              <Table.Td data-label={c.changes} style={{ maxWidth: 360 }}>
                <Detail detail={line.detail} known={known} />
              </Table.Td>
              <Table.Td data-label={c.from}>{line.address ?? states.none}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

const plain = (value: unknown): string =>
  value === undefined || value === null
    ? states.none
    : typeof value === 'string'
      ? value
      : JSON.stringify(value);

/** A pair of before and after, as the server writes it. */
const pair = (value: unknown): { before?: unknown; after?: unknown } | undefined =>
  typeof value === 'object' &&
  value !== null &&
  !Array.isArray(value) &&
  Object.keys(value).length > 0 &&
  Object.keys(value).every((key) => key === 'before' || key === 'after')
    ? value
    : undefined;

/** What carries an id, by name and with its link where the lists know it; the id stays beside it. */
function Subject({ id, known }: { id: string; known: Known }) {
  const object = known.get(id);
  return (
    <>
      {object && <Go {...object.link}>{object.name}</Go>}
      {object && ' '}
      <Text span c={object ? 'dimmed' : undefined} className="cs-mono">
        {id}
      </Text>
    </>
  );
}

/** Fields with their values: what stood there before and what stands there now. */
function Detail({ detail, known }: { detail: unknown; known: Known }) {
  if (typeof detail !== 'object' || detail === null) return states.none;
  const said = (value: unknown): ReactNode =>
    typeof value === 'string' && known.has(value) ? (
      <Subject id={value} known={known} />
    ) : (
      plain(value)
    );
  const fields = Object.entries(detail).filter(([name]) => !NOISE.has(name));
  if (fields.length === 0) return states.none;
  return fields.map(([name, value]) => {
    const change = pair(value);
    return (
      <div key={name} style={{ overflowWrap: 'anywhere' }}>
        <Text span size="sm" c="dimmed" title={name}>
          {name
            .split('.')
            .map((part) => known.get(part)?.name ?? part)
            .join('.')}
          :
        </Text>{' '}
        {change ? (
          'before' in change ? (
            <>
              {said(change.before)} → {said(change.after)}
            </>
          ) : (
            said(change.after)
          )
        ) : (
          said(value)
        )}
      </div>
    );
  });
}
