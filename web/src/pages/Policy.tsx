// One policy: its draft in two views, its tests, trying it out, its history, and publishing it.
import { Alert, Group, Stack, Tabs, Text } from '@mantine/core';
import { useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { lazy, Suspense, useMemo, useState } from 'react';
import { api, type Schemas } from '../api/client';
import { useCan } from '../app/can';
import { type PolicyTab, to } from '../app/links';
import { parse } from '../builder/document';
import { BLANK } from '../lib/templates';
import { useKnownTools } from '../lib/tools';
import { t } from '../text';
import { Asked, Loading } from '../ui/Asked';
import { Go } from '../ui/bits';
import { Confirm } from '../ui/Confirm';
import { Guarded } from '../ui/Guarded';
import { Page } from '../ui/Page';
import { useCheck } from './policy/check';
import { type Draft, useDraft } from './policy/draft';
import { History } from './policy/History';
import { Problems } from './policy/Problems';
import { Simulate } from './policy/Simulate';
import { Tests } from './policy/Tests';

const Builder = lazy(() => import('../builder/Builder'));
const Json = lazy(() => import('./policy/Json'));
const Review = lazy(() => import('./policy/Review'));
const p = t.policies;

export function Policy() {
  const { id } = useParams({ from: '/inside/policies/$id/$tab' });
  const query = api.useQuery('get', '/api/v1/policies/{id}', { params: { path: { id } } });
  return <Asked query={query}>{(policy) => <Open key={policy.id} policy={policy} />}</Asked>;
}

const casesOf = (version: Schemas['PolicyWhole']['version']): string | null =>
  version?.cases ? JSON.stringify(version.cases, null, 2) : null;

function Open({ policy }: { policy: Schemas['PolicyWhole'] }) {
  const { tab } = useParams({ from: '/inside/policies/$id/$tab' });
  const { at } = useSearch({ from: '/inside/policies/$id/$tab' });
  const navigate = useNavigate();
  const may = useCan();
  const live = {
    base: policy.latest,
    text: policy.version?.text ?? BLANK,
    cases: casesOf(policy.version),
  };
  const draft = useDraft(policy.id, live);
  const [discarding, setDiscarding] = useState(false);
  const [reviewing, setReviewing] = useState(false);
  const server = policy.server?.name;
  const known = useKnownTools(server);
  const checked = useCheck(draft.text, server, may('policies_check').allowed);
  const doc = useMemo(() => parse(draft.text), [draft.text]);
  const write = may('versions_publish');
  const go = (next: PolicyTab, pointer?: string) =>
    void navigate(to.policy(policy.name, next, pointer));

  if (reviewing) {
    return (
      <Suspense fallback={<Loading lines={8} />}>
        <Review
          policy={policy}
          draft={draft}
          checked={checked}
          live={live.text}
          close={() => setReviewing(false)}
          published={(version) => {
            draft.begin(version.number, version.text, casesOf(version));
            setReviewing(false);
            go('history');
          }}
        />
      </Suspense>
    );
  }
  return (
    <Page
      title={policy.name}
      above={<Go {...to.policies()}>{p.title}</Go>}
      about={<About policy={policy} draft={draft} />}
      actions={
        <>
          <Guarded
            may={write}
            not={!draft.changed && p.head.noDraft}
            variant="default"
            onClick={() => setDiscarding(true)}
          >
            {p.head.discard}
          </Guarded>
          <Guarded
            may={write}
            not={!draft.changed && p.head.noDraft}
            onClick={() => setReviewing(true)}
          >
            {p.head.review}
          </Guarded>
        </>
      }
    >
      {!write.allowed && <Alert color="gray">{`${t.builder.readOnly} ${write.reason}`}</Alert>}
      <Tabs value={tab} keepMounted={false} onChange={(next) => next && go(next as PolicyTab)}>
        <Tabs.List mb="md">
          {(['build', 'json', 'tests', 'simulate', 'history'] as const).map((name) => (
            <Tabs.Tab key={name} value={name}>
              {p.tabs[name]}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <Suspense fallback={<Loading lines={8} />}>
          <Tabs.Panel value="build">
            <Builder
              text={draft.text}
              setText={draft.setText}
              undo={draft.undo}
              tools={known.tools}
              policy={policy}
              readOnly={!write.allowed}
              at={at}
              toJson={() => go('json')}
            />
          </Tabs.Panel>
          <Tabs.Panel value="json">
            <Json
              draft={draft}
              doc={doc}
              checked={checked}
              tools={known.tools}
              readOnly={!write.allowed}
              at={at}
            />
          </Tabs.Panel>
          <Tabs.Panel value="tests">
            <Tests draft={draft} readOnly={!write.allowed} />
          </Tabs.Panel>
          <Tabs.Panel value="simulate">
            <Simulate text={draft.text} server={server} tools={known.tools} policy={policy} />
          </Tabs.Panel>
          <Tabs.Panel value="history">
            <History policy={policy} draft={draft} />
          </Tabs.Panel>
        </Suspense>
      </Tabs>
      {(tab === 'build' || tab === 'json') && (
        <Problems
          checked={checked}
          broken={doc.broken}
          go={(pointer) => go(doc.broken ? 'json' : tab, pointer)}
        />
      )}
      <Confirm
        open={discarding}
        close={() => setDiscarding(false)}
        title={p.head.discard}
        text={p.head.discardText(draft.base)}
        go={p.head.discard}
        pending={false}
        error={null}
        onGo={() => {
          draft.begin(live.base, live.text, live.cases);
          setDiscarding(false);
        }}
      />
    </Page>
  );
}

function About({ policy, draft }: { policy: Schemas['PolicyWhole']; draft: Draft }) {
  return (
    <Stack gap={0}>
      <Group gap="xs">
        <Text span size="sm">
          {draft.changed ? p.head.draft(policy.latest + 1) : p.head.noDraft} ·{' '}
          {p.head.live(policy.latest, policy.attached)}
        </Text>
        {draft.changed && (
          <Text span size="sm">
            · {p.head.kept}
          </Text>
        )}
      </Group>
    </Stack>
  );
}
