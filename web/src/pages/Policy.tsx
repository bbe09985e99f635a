// One policy: its draft in two views, its tests, trying it out, its history, and publishing it.
import { Alert, Tabs, Text } from '@mantine/core';
import { useHotkeys } from '@mantine/hooks';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { lazy, Suspense, useEffect, useMemo, useState } from 'react';
import { api, Refused, type Schemas } from '../api/client';
import { useCan } from '../app/can';
import { type PolicyTab, to } from '../app/links';
import { parse } from '../builder/document';
import { BLANK } from '../lib/templates';
import { formatTime } from '../lib/format';
import { useKnownTools } from '../lib/tools';
import { t } from '../text';
import { Arrived } from '../ui/Arrived';
import { Asked, Loading } from '../ui/Asked';
import { Go } from '../ui/bits';
import { Confirm } from '../ui/Confirm';
import { Guarded } from '../ui/Guarded';
import { Page, Panel } from '../ui/Page';
import { ProblemView } from '../ui/ProblemView';
import { useCheck } from './policy/check';
import { countOf, type Draft, loadDraft, loadLive, type Stored, useDraft } from './policy/draft';
import { History } from './policy/History';
import { editing, Kept } from './policy/Kept';
import { NewTest } from './policy/NewTest';
import { Problems } from './policy/Problems';
import { Simulate } from './policy/Simulate';
import { keyOf, Tests } from './policy/Tests';
import './policy/policy.css';

const Builder = lazy(() => import('../builder/Builder'));
const Json = lazy(() => import('./policy/Json'));
const Review = lazy(() => import('./policy/Review'));
const Clash = lazy(() => import('./policy/Clash'));
const p = t.policies;

export function Policy() {
  const { id } = useParams({ from: '/inside/policies/$id/$tab' });
  const query = api.useQuery('get', '/api/v1/policies/{id}', { params: { path: { id } } });
  return (
    <Asked query={query}>
      {(policy) => <Begin key={[policy.id, ...shownOf(policy)].join(' ')} policy={policy} />}
    </Asked>
  );
}

/** What the text that is shown hangs on besides the policy: the version, where nobody edits it here. */
const shownOf = ({ kept_in: place, latest }: Schemas['PolicyOut']) =>
  place ? [latest, place] : [];

/**
 * Reads the draft, once: from then on what is typed here goes before what is there. Of a policy that is kept
 * in files the live version is shown: a draft from before waits until it is edited here again.
 */
function Begin({ policy }: { policy: Schemas['PolicyWhole'] }) {
  const draft = useQuery({
    queryKey: ['draft', policy.id, ...shownOf(policy)],
    queryFn: () =>
      (policy.kept_in ? loadLive : loadDraft)(policy.id, { latest: policy.latest, blank: BLANK }),
    staleTime: Infinity,
    gcTime: 0,
    refetchOnWindowFocus: false,
    refetchOnReconnect: false,
  });
  const me = api.useQuery('get', '/api/v1/me', {}, { staleTime: 60_000 });
  return (
    <Asked query={me}>
      {({ member }) => (
        <Asked query={draft}>
          {(first) => <Open policy={policy} first={first} member={member.id} />}
        </Asked>
      )}
    </Asked>
  );
}

function Open({
  policy,
  first,
  member,
}: {
  policy: Schemas['PolicyWhole'];
  first: Stored;
  member: string;
}) {
  const { tab } = useParams({ from: '/inside/policies/$id/$tab' });
  const search = useSearch({ from: '/inside/policies/$id/$tab' });
  const { at, view, call } = search;
  const navigate = useNavigate();
  const queries = useQueryClient();
  const may = useCan();
  const place = policy.kept_in;
  const draft = useDraft(policy.id, member, first, !place);
  const [discarding, setDiscarding] = useState(false);
  const [reviewed, setReviewed] = useState(false);
  const [passing, setPassing] = useState<string>();
  // The review stands in the address: going back leaves it, and a colleague is sent to it.
  const review = () => {
    setReviewed(true);
    void navigate({ to: '.', search: { ...search, review: 'yes' } });
  };
  const leave = () => void navigate({ to: '.', search: { ...search, review: undefined } });
  const server = policy.server?.name;
  const known = useKnownTools(server);
  const checked = useCheck(draft.text, server, may('policies_check').allowed);
  const doc = useMemo(() => parse(draft.text), [draft.text]);
  const write = editing(policy, may('draft_put'));
  const live = policy.version?.text ?? '';
  const go = (next: PolicyTab, pointer?: string) =>
    void navigate(to.policy(policy.name, next, pointer));
  // Going back leaves the policy, not the last tool that was looked at.
  const show = (next: PolicyTab, pointer: string) =>
    void navigate({ ...to.policy(policy.name, next, pointer), replace: true, resetScroll: false });
  const toLive = useMutation({
    mutationFn: async () => {
      await draft.discard();
      return loadLive(policy.id, { latest: policy.latest, blank: BLANK });
    },
    onSuccess: (stored) => {
      draft.reset(stored);
      setDiscarding(false);
    },
  });
  const late = draft.error instanceof Refused && draft.error.problem.code === 'kept_in_files';
  useEffect(() => {
    // It has come to be kept in files while somebody edited it: what they typed stays in their browser.
    if (late) void queries.invalidateQueries({ queryKey: ['get', '/api/v1/policies/{id}'] });
  }, [late, queries]);
  // In a field or the JSON editor the browser's own undoing goes first.
  useHotkeys([
    ['mod+Z', () => draft.undo?.()],
    ['mod+shift+Z', () => draft.redo?.()],
  ]);

  if (search.review !== undefined && draft.changed && write.allowed) {
    return (
      <Suspense fallback={<Loading lines={8} />}>
        <Review
          policy={policy}
          draft={draft}
          checked={checked}
          live={live}
          close={leave}
          watch={() => void navigate(to.policy(policy.name, 'simulate', undefined, 'watch'))}
          published={(version) => {
            draft.reset({
              text: version.text,
              cases: draft.cases,
              revision: 0,
              base: version.number,
              author: '',
              at: '',
            });
            void queries.invalidateQueries({ queryKey: ['get'] });
            go('history');
          }}
        />
        <Arrived />
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
          <Guarded may={write} not={!draft.changed && p.head.noDraft} onClick={review}>
            {p.head.review}
          </Guarded>
        </>
      }
    >
      {reviewed && <Arrived />}
      {place && <Kept policy={policy} place={place} />}
      {!place && !write.allowed && (
        <Alert color="gray">{`${t.builder.readOnly} ${write.reason}`}</Alert>
      )}
      {draft.clash && (
        <Suspense fallback={<Loading lines={4} />}>
          <Clash draft={draft} />
        </Suspense>
      )}
      {draft.keeping === 'failed' && <ProblemView error={draft.error} />}
      <Tabs value={tab} keepMounted={false} onChange={(next) => next && go(next as PolicyTab, at)}>
        <Tabs.List mb="md" className="cs-tabs">
          {(['build', 'json', 'tests', 'simulate', 'history'] as const).map((name) => (
            <Tabs.Tab key={name} value={name}>
              {name === 'tests'
                ? p.testsTab(countOf(draft.cases), passing === keyOf(draft))
                : p.tabs[name]}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <Suspense fallback={<Loading lines={8} />}>
          <Tabs.Panel value="build">
            <Builder
              text={draft.text}
              setText={draft.setText}
              undo={draft.undo}
              redo={draft.redo}
              tools={known.tools}
              policy={policy}
              readOnly={!write.allowed}
              at={at}
              show={(pointer) => show(tab, pointer)}
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
            <Tests
              draft={draft}
              server={server}
              readOnly={!write.allowed}
              passed={setPassing}
              from={
                call !== undefined &&
                (place ? (
                  <Panel title={p.newTest.title}>
                    <Text size="sm">{`${p.kept.sentence(place)} ${p.kept.tests}`}</Text>
                  </Panel>
                ) : (
                  <NewTest
                    key={call}
                    call={call}
                    policy={policy}
                    draft={draft}
                    may={write}
                    close={() => go('tests')}
                  />
                ))
              }
            />
          </Tabs.Panel>
          <Tabs.Panel value="simulate">
            <Simulate
              draft={draft}
              server={server}
              tools={known.tools}
              policy={policy}
              view={view}
            />
          </Tabs.Panel>
          <Tabs.Panel value="history">
            <History policy={policy} draft={draft} review={review} />
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
        pending={toLive.isPending}
        error={toLive.error}
        onGo={() => toLive.mutate()}
      />
    </Page>
  );
}

function About({ policy, draft }: { policy: Schemas['PolicyWhole']; draft: Draft }) {
  return (
    <Text span size="sm">
      {draft.changed ? p.head.draft(policy.latest + 1) : p.head.noDraft} ·{' '}
      {p.head.live(policy.latest, policy.attached)}
      {draft.changed && (
        <span role="status">
          {' · '}
          {p.keeping[draft.keeping]}
          {draft.keeping === 'kept' &&
            draft.author &&
            ` ${p.head.keptBy(draft.author, formatTime(draft.at))}`}
        </span>
      )}
    </Text>
  );
}
