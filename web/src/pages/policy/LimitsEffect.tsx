// What the draft would do to limits: what is counted now, and how full windows were lately.
import { Button, Stack, Table, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { http, type Schemas } from '../../api/client';
import { useCan } from '../../app/can';
import { to } from '../../app/links';
import { formatDecimal, formatNumber } from '../../lib/format';
import { limits as l } from '../../text/limits';
import { Loading } from '../../ui/Asked';
import { At, Go } from '../../ui/bits';
import { Panel } from '../../ui/Page';
import { ProblemView } from '../../ui/ProblemView';
import { Word } from '../../ui/Word';

type Effect = Schemas['LimitEffectOut'];

export function LimitsEffect({ policy, text }: { policy: Schemas['PolicyOut']; text: string }) {
  const may = useCan()('policies_limits');
  const [all, setAll] = useState(false);
  const query = useQuery({
    queryKey: ['limits', policy.id, text],
    queryFn: async () => {
      const { data } = await http.POST('/api/v1/policies/{id}/limits', {
        params: { path: { id: policy.id } },
        body: { text },
      });
      return data as Schemas['LimitsEffectOut'];
    },
    enabled: may.allowed,
    staleTime: 30_000,
  });
  const items = query.data?.items ?? [];
  const changing = items.filter((item) => item.change !== 'same' || item.full);
  const shown = all ? items : changing;
  const rest = items.length - changing.length;
  return (
    <Panel title={l.title}>
      <Stack gap="sm">
        <Text size="sm" c="dimmed">
          {l.about}
        </Text>
        {!may.allowed && <Text size="sm">{may.reason}</Text>}
        {query.error && <ProblemView error={query.error} retry={() => void query.refetch()} />}
        {may.allowed && !query.data && !query.error && <Loading lines={2} />}
        {query.data && (
          <>
            {items.length === 0 && <Text size="sm">{l.none}</Text>}
            {items.length > 0 && changing.length === 0 && <Text size="sm">{l.all}</Text>}
            {shown.length > 0 && <Effects items={shown} />}
            {rest > 0 && !all && (
              <Text size="sm" component="div">
                {l.unchanged(rest)}{' '}
                <Button size="compact-xs" variant="default" onClick={() => setAll(true)}>
                  {l.showUnchanged}
                </Button>
              </Text>
            )}
            {query.data.left_out > 0 && <Text size="sm">{l.more(query.data.left_out)}</Text>}
          </>
        )}
      </Stack>
    </Panel>
  );
}

function Effects({ items }: { items: Effect[] }) {
  return (
    <Table.ScrollContainer minWidth={680} type="native" tabIndex={0}>
      <Table aria-label={l.title} verticalSpacing="sm">
        <Table.Thead>
          <Table.Tr>
            {Object.values(l.columns).map((name) => (
              <Table.Th key={name}>{name}</Table.Th>
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {items.map((item) => (
            <Table.Tr key={item.rule + item.grants.join() + item.per.map((p) => p.value).join()}>
              <Table.Td maw={220}>
                <Text size="sm" fw={600}>
                  {item.counter} <span className="cs-mono">{item.tool}</span>
                </Text>
                <Text size="xs" c="dimmed">
                  {[
                    ...item.per.map((part) => `${part.path} ${part.value ?? '*'}`),
                    item.grants.join(', '),
                  ]
                    .filter(Boolean)
                    .join(' · ')}
                </Text>
              </Table.Td>
              <Table.Td>
                <Text size="sm">{l.change[item.change]}</Text>
                <Text size="sm">
                  {termsOf(item.before)} → {termsOf(item.after)}
                </Text>
              </Table.Td>
              <Table.Td>
                <Now item={item} />
              </Table.Td>
              <Table.Td maw={260}>
                <Past item={item} />
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

const termsOf = (terms: Effect['after']): string =>
  terms ? l.per(formatDecimal(terms.max), terms.window) : l.nothing;

function Now({ item }: { item: Effect }) {
  const counted = formatDecimal(item.counted);
  if (!item.after || item.left === null || item.left === undefined) return l.countedOnly(counted);
  if (!item.full) return l.counted(counted, formatDecimal(item.left));
  return (
    <>
      <Word kind="denied">{l.full(counted)}</Word>
      <Text size="xs">
        {l.fullText}
        {item.resets_at && (
          <>
            {' '}
            {l.until} <At at={item.resets_at} as="moment" />
          </>
        )}
        .
      </Text>
    </>
  );
}

function Past({ item }: { item: Effect }) {
  const { peak_at: at } = item;
  return (
    <Text size="sm" component="div">
      {!at && item.exact && item.denied === 0 && l.empty}
      {at && item.after && (item.over > 0 ? <strong>{l.over(item.over)}</strong> : l.notOver)}{' '}
      {at && (
        <>
          {l.peak(formatDecimal(item.peak))} {l.on} <At at={at} as="moment" />.
        </>
      )}{' '}
      {item.denied > 0 && (
        <Go {...to.logs({ rule: item.rule, decision: 'denied' })}>
          {l.denied(formatNumber(item.denied))}
        </Go>
      )}
      {!item.exact && (
        <Text size="xs" c="dimmed">
          {l.notExact}
        </Text>
      )}
    </Text>
  );
}
