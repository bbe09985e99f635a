// What the draft would say of calls that were recorded. The log keeps names and no values, so some
// answers are "not known", and the page says which.
import { Group, Stack, Table, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { http, type Schemas } from '../../api/client';
import { useCan } from '../../app/can';
import { to } from '../../app/links';
import { formatNumber } from '../../lib/format';
import { t } from '../../text';
import { Loading } from '../../ui/Asked';
import { Go } from '../../ui/bits';
import { Panel } from '../../ui/Page';
import { ProblemView } from '../../ui/ProblemView';
import { kindOfOutcome, Word } from '../../ui/Word';

const r = t.policies.replay;

/** Asks what a text would say of the last seven days. */
export function useReplay(policy: Schemas['PolicyOut'], text: string, allowed: boolean) {
  return useQuery({
    queryKey: ['replay', policy.id, text],
    queryFn: async () => {
      const { data } = await http.POST('/api/v1/policies/{id}/replay', {
        params: { path: { id: policy.id } },
        body: { text, server: policy.server?.name ?? null },
      });
      return data as Schemas['ReplayOut'];
    },
    enabled: allowed,
    staleTime: 60_000,
  });
}

export function ReplaySummary({ of }: { of: Schemas['ReplayOut'] }) {
  return (
    <Text size="sm" role="status">
      {of.calls === 0
        ? r.none
        : r.summary(
            formatNumber(of.calls),
            formatNumber(of.same),
            formatNumber(of.differ),
            formatNumber(of.not_known),
          )}
    </Text>
  );
}

export function Replay({ text, policy }: { text: string; policy: Schemas['PolicyWhole'] }) {
  const may = useCan()('policies_replay');
  const query = useReplay(policy, text, may.allowed);
  return (
    <Panel title={r.title}>
      <Stack gap="sm">
        <Text size="sm" c="dimmed">
          {r.about}
        </Text>
        {!may.allowed && <Text size="sm">{may.reason}</Text>}
        {query.error && <ProblemView error={query.error} retry={() => void query.refetch()} />}
        {may.allowed && !query.data && !query.error && <Loading lines={3} />}
        {query.data && (
          <>
            <ReplaySummary of={query.data} />
            <Kinds of={query.data.kinds} policy={policy} />
          </>
        )}
      </Stack>
    </Panel>
  );
}

export function Kinds({
  of,
  policy,
}: {
  of: Schemas['ReplayKindOut'][];
  policy: Schemas['PolicyOut'];
}) {
  if (of.length === 0) return null;
  return (
    <Table.ScrollContainer minWidth={640} type="native" tabIndex={0}>
      <Table aria-label={r.title}>
        <Table.Thead>
          <Table.Tr>
            {[r.calls, r.tool, r.grant, r.was, r.would].map((name) => (
              <Table.Th key={name}>{name}</Table.Th>
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {of.map((kind) => (
            <Table.Tr key={kind.last + kind.rule + kind.grant}>
              <Table.Td>
                <Go {...to.call(kind.last)} aria-label={r.last(kind.count)}>
                  {formatNumber(kind.count)}
                </Go>
              </Table.Td>
              <Table.Td className="cs-mono">{kind.tool}</Table.Td>
              <Table.Td>{kind.grant}</Table.Td>
              <Table.Td>
                <Group gap={4}>
                  <Word kind={kindOfOutcome(kind.outcome)} />
                  {kind.rule.startsWith('/') ? (
                    <Go {...to.version(policy.name, kind.version, kind.rule)} className="cs-mono">
                      {kind.rule}
                    </Go>
                  ) : (
                    <span className="cs-mono">{kind.rule}</span>
                  )}
                </Group>
              </Table.Td>
              <Table.Td>
                {kind.verdict === 'same' ? (
                  r.same
                ) : kind.verdict === 'differs' ? (
                  kind.would ? (
                    <Word kind={kindOfOutcome(kind.would)} />
                  ) : (
                    r.otherwise
                  )
                ) : (
                  <>
                    <Word kind="unknown">{r.notKnown}</Word>{' '}
                    <Text span size="xs" c="dimmed">
                      {kind.reason}
                    </Text>
                  </>
                )}
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}
