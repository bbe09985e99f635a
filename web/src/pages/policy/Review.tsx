// Review and publish: the exact change first, then the past, then who it reaches, and then the one button.
import { Alert, Button, Group, Stack, Text, Textarea } from '@mantine/core';
import { useMutation, useQueries, useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { api, http, problemOf, type Schemas } from '../../api/client';
import { ALL, WHOLE } from '../../api/whole';
import { useCan } from '../../app/can';
import { to } from '../../app/links';
import { notice } from '../../app/notices';
import Compare from '../../editor/Compare';
import { t } from '../../text';
import { Loading } from '../../ui/Asked';
import { Go } from '../../ui/bits';
import { Guarded } from '../../ui/Guarded';
import { Page, Panel } from '../../ui/Page';
import { ProblemView } from '../../ui/ProblemView';
import { Changes } from './Changes';
import type { Checked } from './check';
import { type Draft, etag, listOf } from './draft';
import { LimitsEffect } from './LimitsEffect';
import { Problems } from './Problems';
import { Kinds, ReplaySummary, useReplay } from './Replay';
import { Results, useTestRun } from './Tests';

const r = t.policies.publish;

interface Props {
  policy: Schemas['PolicyWhole'];
  draft: Draft;
  checked: Checked;
  /** The text of the live version; empty where none is. */
  live: string;
  close: () => void;
  watch: () => void;
  published: (version: Schemas['VersionWhole']) => void;
}

export default function Review({ policy, draft, checked, live, close, watch, published }: Props) {
  const may = useCan();
  const queries = useQueryClient();
  const [note, setNote] = useState('');
  const next = policy.latest + 1;
  const cases = listOf(draft.cases);
  const tests = useTestRun();
  const run = tests.mutate;
  const sound = checked.problems.length === 0;
  useEffect(() => {
    if (sound && cases !== undefined && cases !== '[]') run({ text: draft.text, cases });
    // Run once for each text that is reviewed.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [draft.text, draft.cases, sound]);
  const publish = useMutation({
    mutationFn: async () => {
      const revision = await draft.flush();
      const { data } = await http.POST('/api/v1/policies/{id}/draft/publish', {
        params: { path: { id: policy.id }, header: { 'If-Match': etag(revision) } },
        body: { note: note || null },
      });
      return data as Schemas['VersionWhole'];
    },
    onSuccess: (version) => {
      notice({ message: r.published(version.number) });
      published(version);
    },
    onError: (error) => {
      // Somebody published: what is live now is shown beside the draft.
      if (problemOf(error).status === 412)
        void queries.invalidateQueries({ queryKey: ['get', '/api/v1/policies/{id}'] });
    },
  });
  const rebase = useMutation({ mutationFn: draft.rebase });
  const moved = draft.revision > 0 && draft.base !== policy.latest;
  const failing =
    cases === undefined
      ? t.policies.tests.broken
      : tests.error || (tests.data?.failed ?? 0) > 0
        ? r.failing
        : tests.isPending
          ? t.policies.check.checking
          : '';
  const blocked = !sound ? r.blocked : moved ? r.moved(policy.latest) : failing;

  return (
    <Page
      title={r.title(policy.name, next)}
      actions={
        <Button variant="default" onClick={close}>
          {t.states.back}
        </Button>
      }
    >
      {moved && (
        <Alert color="red" variant="outline" title={r.conflict(policy.latest)} role="alert">
          <Stack gap="xs" align="flex-start">
            <Text size="sm">{r.conflictText}</Text>
            {rebase.error && <ProblemView error={rebase.error} />}
            <Button
              size="xs"
              variant="default"
              loading={rebase.isPending}
              onClick={() => rebase.mutate()}
            >
              {r.keepMine(policy.latest)}
            </Button>
          </Stack>
        </Alert>
      )}
      {(!sound || checked.warnings.length > 0) && (
        <Problems checked={checked} broken={undefined} go={close} />
      )}
      <Panel title={r.changes}>
        {sound ? <Changes policy={policy} text={draft.text} /> : <Text size="sm">{r.blocked}</Text>}
      </Panel>
      <Panel title={r.tests}>
        {cases === '[]' && <Text size="sm">{r.noTests}</Text>}
        {cases === undefined && <Alert color="red">{t.policies.tests.broken}</Alert>}
        {tests.isPending && <Loading lines={2} />}
        {tests.error && <ProblemView error={tests.error} />}
        {tests.data && <Results of={tests.data} brief />}
      </Panel>
      {policy.latest > 0 && sound && <Past policy={policy} text={draft.text} />}
      {sound && <LimitsEffect policy={policy} text={draft.text} />}
      <Reaches policy={policy} />
      <Panel title={r.text}>
        <Compare
          a={live}
          b={draft.text}
          labels={[policy.latest === 0 ? r.first : r.theirs(policy.latest), r.mine]}
        />
      </Panel>
      <Stack gap="sm">
        <Textarea
          label={r.note}
          value={note}
          onChange={(event) => setNote(event.currentTarget.value)}
          autosize
          minRows={1}
          maxLength={2000}
        />
        {publish.error && <ProblemView error={publish.error} />}
        <Group>
          <Guarded
            may={may('watch_start')}
            not={policy.latest === 0 ? t.policies.watch.nothingLive : !sound && r.blocked}
            variant="default"
            onClick={watch}
          >
            {r.watch}
          </Guarded>
          <Guarded
            may={may('draft_publish')}
            not={blocked}
            loading={publish.isPending}
            onClick={() => publish.mutate()}
          >
            {r.go(next)}
          </Guarded>
          {blocked && <Text size="sm">{blocked}</Text>}
        </Group>
      </Stack>
    </Page>
  );
}

/** What the draft would have said of the last seven days. */
function Past({ policy, text }: { policy: Schemas['PolicyWhole']; text: string }) {
  const may = useCan()('policies_replay');
  const query = useReplay(policy, text, may.allowed);
  const others = query.data?.kinds.filter((kind) => kind.verdict !== 'same') ?? [];
  return (
    <Panel title={r.past}>
      <Stack gap="sm">
        {query.error && <ProblemView error={query.error} retry={() => void query.refetch()} />}
        {may.allowed && !query.data && !query.error && <Loading lines={2} />}
        {query.data && <ReplaySummary of={query.data} />}
        {others.length > 0 && (
          <details>
            <summary>{r.show}</summary>
            <Kinds of={others} policy={policy} />
          </details>
        )}
      </Stack>
    </Panel>
  );
}

/** How many calls wait under the policy: they are judged by the new version when they are made. */
function JudgedAgain({ policy }: { policy: string }) {
  const lists = useQueries({
    queries: (['mine', 'others', 'decided'] as const).map((which) =>
      api.queryOptions('get', '/api/v1/approvals', { params: { query: { which, ...WHOLE } } }),
    ),
  });
  const ids = lists.flatMap(({ data }) =>
    (data?.items ?? [])
      .filter((row) => row.policy === policy && /^(pending|approved)$/.test(row.state))
      .map((row) => row.id),
  );
  const waiting = new Set(ids).size;
  const whole = lists.every(({ data }) => data !== undefined && !data.next);
  if (waiting === 0) return null;
  return (
    <>
      {'; '}
      <Go {...to.approvals('others')}>{r.judgedAgain(waiting, !whole)}</Go>
    </>
  );
}

function Reaches({ policy }: { policy: Schemas['PolicyWhole'] }) {
  const grants = api.useQuery('get', '/api/v1/grants', ALL);
  const reached = (grants.data?.items ?? []).filter(
    (grant) =>
      grant.state !== 'revoked' && grant.servers.some((reach) => reach.policy?.id === policy.id),
  );
  return (
    <Panel title={r.reaches}>
      {grants.error && <ProblemView error={grants.error} />}
      {grants.data && reached.length === 0 && <Text size="sm">{r.reachesNone}</Text>}
      {reached.length > 0 && (
        <Text size="sm" component="div">
          {reached.map((grant, at) => (
            <span key={grant.id}>
              {at > 0 && ', '}
              <Go {...to.grant(grant.id)}>{grant.label}</Go>
            </span>
          ))}
          {r.reachesText}
          <JudgedAgain policy={policy.id} />
        </Text>
      )}
    </Panel>
  );
}
