// Review and publish: what the draft does, what it reaches, and then the one button.
import { Alert, Button, Group, Stack, Text, Textarea } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { api, http, problemOf, type Schemas } from '../../api/client';
import { useCan } from '../../app/can';
import Compare from '../../editor/Compare';
import { t } from '../../text';
import { Go } from '../../ui/bits';
import { to } from '../../app/links';
import { Guarded } from '../../ui/Guarded';
import { Page, Panel } from '../../ui/Page';
import { ProblemView } from '../../ui/ProblemView';
import type { Checked } from './check';
import type { Draft } from './draft';
import { Problems } from './Problems';
import { readCases, Results } from './Tests';

const r = t.policies.publish;

interface Props {
  policy: Schemas['PolicyWhole'];
  draft: Draft;
  checked: Checked;
  live: string;
  close: () => void;
  published: (version: Schemas['VersionWhole']) => void;
}

export default function Review({ policy, draft, checked, live, close, published }: Props) {
  const may = useCan();
  const queries = useQueryClient();
  const [note, setNote] = useState('');
  const [theirs, setTheirs] = useState<Schemas['VersionWhole']>();
  const next = policy.latest + 1;
  const cases = readCases(draft.cases);
  const tests = api.useMutation('post', '/api/v1/policies/test');
  const run = tests.mutate;
  useEffect(() => {
    if (Array.isArray(cases)) run({ body: { text: draft.text, cases: cases as never } });
    // Run once for each text that is reviewed.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [draft.text, draft.cases]);
  const publish = api.useMutation('post', '/api/v1/policies/{id}/versions', {
    onSuccess: (version) => {
      void queries.invalidateQueries({ queryKey: ['get'] });
      notifications.show({ message: r.published(version.number) });
      published(version);
    },
    onError: async (error) => {
      if (problemOf(error).status !== 412) return;
      const { data } = await http.GET('/api/v1/policies/{id}/versions/{number}', {
        params: { path: { id: policy.id, number: 'latest' } },
      });
      setTheirs(data);
    },
  });
  const failing =
    cases === 'broken'
      ? t.policies.tests.broken
      : tests.error || (tests.data?.failed ?? 0) > 0
        ? r.failing
        : tests.isPending
          ? t.policies.check.checking
          : '';
  const blocked = checked.problems.length > 0 ? r.blocked : failing;

  if (theirs) {
    return (
      <Page title={r.conflict(theirs.number)}>
        <Text>{r.conflictText}</Text>
        <Compare a={theirs.text} b={draft.text} labels={[r.theirs(theirs.number), r.mine]} />
        <Group>
          <Button
            onClick={() => {
              draft.rebase(theirs.number);
              void queries.invalidateQueries({ queryKey: ['get'] });
              setTheirs(undefined);
              close();
            }}
          >
            {r.keepMine(theirs.number)}
          </Button>
        </Group>
      </Page>
    );
  }
  return (
    <Page
      title={r.title(policy.name, next)}
      actions={
        <Button variant="default" onClick={close}>
          {t.states.back}
        </Button>
      }
    >
      {(checked.problems.length > 0 || checked.warnings.length > 0) && (
        <Problems checked={checked} broken={undefined} go={close} />
      )}
      <Panel title={r.tests}>
        {cases === null && <Text size="sm">{r.noTests}</Text>}
        {cases === 'broken' && <Alert color="red">{t.policies.tests.broken}</Alert>}
        {tests.error && <ProblemView error={tests.error} />}
        {tests.data && <Results of={tests.data} />}
      </Panel>
      <Reaches policy={policy} />
      <Panel title={r.text}>
        <Compare
          a={policy.latest === 0 ? '' : live}
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
        {publish.error && problemOf(publish.error).status !== 412 && (
          <ProblemView error={publish.error} />
        )}
        <Group>
          <Guarded
            may={may('versions_publish')}
            not={blocked}
            loading={publish.isPending}
            onClick={() =>
              publish.mutate({
                params: { path: { id: policy.id } },
                body: {
                  text: draft.text,
                  note: note || null,
                  cases: (Array.isArray(cases) ? cases : null) as never,
                  expected_latest: draft.base,
                },
              })
            }
          >
            {r.go(next)}
          </Guarded>
          {blocked && <Text size="sm">{blocked}</Text>}
        </Group>
      </Stack>
    </Page>
  );
}

function Reaches({ policy }: { policy: Schemas['PolicyWhole'] }) {
  const grants = api.useQuery('get', '/api/v1/grants', { params: { query: { limit: 500 } } });
  const reached = (grants.data?.items ?? []).filter(
    (grant) =>
      grant.state !== 'revoked' && grant.servers.some((reach) => reach.policy?.id === policy.id),
  );
  return (
    <Panel title={r.reaches}>
      {reached.length === 0 ? (
        <Text size="sm">{r.reachesNone}</Text>
      ) : (
        <Text size="sm" component="div">
          {reached.map((grant, at) => (
            <span key={grant.id}>
              {at > 0 && ', '}
              <Go {...to.grant(grant.id)}>{grant.label}</Go>
            </span>
          ))}
          {r.reachesText}
        </Text>
      )}
    </Panel>
  );
}
