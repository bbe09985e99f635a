// Watch first: a copy of the draft judges live calls beside the live version. It enforces nothing.
import { Group, NativeSelect, Stack, Switch, Table, Text } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api, http, Refused, type Schemas } from '../../api/client';
import { useCan } from '../../app/can';
import { to } from '../../app/links';
import { formatDistance, formatNumber } from '../../lib/format';
import { t } from '../../text';
import { Empty, Loading, Newest } from '../../ui/Asked';
import { At, Facts, Go } from '../../ui/bits';
import { Guarded } from '../../ui/Guarded';
import { Panel } from '../../ui/Page';
import { ProblemView } from '../../ui/ProblemView';
import { type Kind, Word } from '../../ui/Word';
import type { Draft } from './draft';

const w = t.policies.watch;
type WatchOut = Schemas['WatchOut'];

/** The watch of a policy, running or over; `null` where none was begun. */
export function useWatch(policy: string) {
  return useQuery({
    queryKey: ['watch', policy],
    queryFn: async () => {
      try {
        const { data } = await http.GET('/api/v1/policies/{id}/watch', {
          params: { path: { id: policy } },
        });
        return data as WatchOut;
      } catch (error) {
        if (error instanceof Refused && error.status === 404) return null;
        throw error;
      }
    },
    // What is watched now is looked at as it comes in.
    refetchInterval: (query) => (query.state.data?.running ? 3_000 : false),
  });
}

const kindOf = (decision: string): Kind =>
  decision === 'allowed' ? 'allowed' : decision === 'held' ? 'waiting' : 'denied';

export function Watch({ draft, policy }: { draft: Draft; policy: Schemas['PolicyWhole'] }) {
  const may = useCan();
  const queries = useQueryClient();
  const watch = useWatch(policy.id);
  const [hours, setHours] = useState('168');
  const changed = () => void queries.invalidateQueries({ queryKey: ['watch', policy.id] });
  const start = api.useMutation('post', '/api/v1/policies/{id}/watch', { onSuccess: changed });
  const stop = api.useMutation('delete', '/api/v1/policies/{id}/watch', { onSuccess: changed });
  const running = watch.data?.running ?? false;
  const not = policy.latest === 0 ? w.nothingLive : !draft.changed && !running && w.noDraft;
  const begin = async () => {
    try {
      await draft.flush();
    } catch {
      // The page says above why the draft is not kept; nothing is begun.
      return;
    }
    start.mutate({
      params: { path: { id: policy.id } },
      body: { text: draft.text, hours: Number(hours) },
    });
  };
  return (
    <Stack>
      <Panel
        title={w.title}
        aside={
          <Group gap="xs" align="flex-end">
            {!running && (
              <NativeSelect
                size="xs"
                aria-label={w.howLong}
                value={hours}
                onChange={(event) => setHours(event.currentTarget.value)}
                data={[
                  { value: '1', label: w.spans.hour },
                  { value: '24', label: w.spans.day },
                  { value: '168', label: w.spans.week },
                  { value: '720', label: w.spans.month },
                ]}
              />
            )}
            <Guarded
              may={may('watch_start')}
              not={not}
              size="xs"
              variant={running ? 'default' : 'filled'}
              loading={start.isPending}
              onClick={() => void begin()}
            >
              {running ? w.again : w.start}
            </Guarded>
            {running && (
              <Guarded
                may={may('watch_stop')}
                size="xs"
                variant="default"
                loading={stop.isPending}
                onClick={() => stop.mutate({ params: { path: { id: policy.id } } })}
              >
                {w.stop}
              </Guarded>
            )}
          </Group>
        }
      >
        <Stack gap="xs">
          <Text size="sm" c="dimmed">
            {w.about}
          </Text>
          {start.error && <ProblemView error={start.error} />}
          {stop.error && <ProblemView error={stop.error} />}
          {watch.error && <ProblemView error={watch.error} retry={() => void watch.refetch()} />}
          {watch.data === undefined && !watch.error && <Loading lines={2} />}
          {watch.data && <State of={watch.data} draft={draft.text} />}
        </Stack>
      </Panel>
      {watch.data === null && <Empty title={w.noneTitle} text={w.none} />}
      {watch.data && watch.data.judged > 0 && (
        <>
          <Tallies of={watch.data} policy={policy} />
          <Calls of={watch.data} policy={policy} />
        </>
      )}
      {watch.data && watch.data.judged === 0 && <Empty title={w.waitingTitle} text={w.waiting} />}
    </Stack>
  );
}

function State({ of, draft }: { of: WatchOut; draft: string }) {
  return (
    <>
      <Text fw={600} role="status">
        {of.running ? w.running(formatDistance(of.ends_at)) : w.over} ·{' '}
        {w.counts(formatNumber(of.judged), formatNumber(of.differing))}
        {of.missed > 0 && ` · ${w.missed(formatNumber(of.missed))}`}
      </Text>
      <Facts
        of={[
          [w.begun, <At key="at" at={of.started_at} as="moment" />],
          [w.by, of.author],
          [w.beside, `v${of.base}`],
          ...(of.text === draft ? [] : [[w.copy, w.draftMoved] as [string, string]]),
          ...(of.ended_at
            ? [
                [w.ended, <At key="end" at={of.ended_at} as="moment" />] as [
                  string,
                  React.ReactNode,
                ],
              ]
            : []),
        ]}
      />
    </>
  );
}

function Said({
  word,
  policy,
  version,
}: {
  word: Schemas['WatchWordOut'];
  policy?: string;
  version?: number;
}) {
  return (
    <>
      <Word kind={kindOf(word.decision)} />{' '}
      {policy !== undefined && version !== undefined && word.rule.startsWith('/') ? (
        <Go {...to.version(policy, version, word.rule)} className="cs-mono">
          {word.rule}
        </Go>
      ) : (
        <span className="cs-mono">{word.rule || t.policies.tests.byNone}</span>
      )}
    </>
  );
}

function Tallies({ of, policy }: { of: WatchOut; policy: Schemas['PolicyOut'] }) {
  const rows = [...of.tallies].sort(
    (a, b) => Number(b.opens) - Number(a.opens) || Number(b.differs) - Number(a.differs),
  );
  return (
    <Panel title={w.tallies}>
      <Table.ScrollContainer minWidth={640} type="native" tabIndex={0}>
        <Table aria-label={w.tallies}>
          <Table.Thead>
            <Table.Tr>
              {[w.calls, w.tool, w.live, w.candidate, w.difference].map((name) => (
                <Table.Th key={name}>{name}</Table.Th>
              ))}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {rows.map((tally) => (
              <Table.Tr key={JSON.stringify([tally.tool, tally.live, tally.candidate])}>
                <Table.Td>{formatNumber(tally.count)}</Table.Td>
                <Table.Td className="cs-mono">{tally.tool}</Table.Td>
                <Table.Td>
                  <Said word={tally.live} policy={policy.name} version={of.base} />
                </Table.Td>
                <Table.Td>
                  <Said word={tally.candidate} />
                </Table.Td>
                <Table.Td>
                  {tally.opens ? (
                    <Text span size="sm" fw={600} c="var(--cs-denied)">
                      {w.opens}
                    </Text>
                  ) : tally.differs ? (
                    w.differs
                  ) : (
                    w.same
                  )}
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
    </Panel>
  );
}

function Calls({ of, policy }: { of: WatchOut; policy: Schemas['PolicyOut'] }) {
  const [all, setAll] = useState(false);
  const query = api.useQuery(
    'get',
    '/api/v1/policies/{id}/watch/calls',
    {
      params: { path: { id: policy.id }, query: { which: all ? 'all' : 'differing', limit: 100 } },
    },
    { refetchInterval: of.running ? 3_000 : false },
  );
  const items = query.data?.items ?? [];
  return (
    <Panel
      title={w.stream}
      aside={
        <Switch
          size="sm"
          label={w.showSame}
          checked={all}
          onChange={(event) => setAll(event.currentTarget.checked)}
        />
      }
    >
      {query.error && <ProblemView error={query.error} />}
      {query.data && items.length === 0 && <Text size="sm">{w.noDifference}</Text>}
      {items.length > 0 && (
        <Table.ScrollContainer minWidth={720} type="native" tabIndex={0}>
          <Table aria-label={w.stream}>
            <Table.Thead>
              <Table.Tr>
                {[w.at, w.tool, w.grant, w.live, w.candidate].map((name) => (
                  <Table.Th key={name}>{name}</Table.Th>
                ))}
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {items.map((call) => (
                <Table.Tr key={call.id}>
                  <Table.Td>
                    <Go {...to.call(call.id)}>
                      <At at={call.at} />
                    </Go>
                  </Table.Td>
                  <Table.Td className="cs-mono">{call.tool}</Table.Td>
                  <Table.Td>{call.grant.name}</Table.Td>
                  <Table.Td>
                    <Said word={call.live} policy={policy.name} version={call.version} />
                  </Table.Td>
                  <Table.Td>
                    <Said word={call.candidate} />
                  </Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      )}
      <Newest of={query.data} />
    </Panel>
  );
}
