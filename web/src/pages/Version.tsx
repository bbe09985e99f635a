// One version of a policy, as it was published, with the rule that decided lit.
import { Alert, Code, Text } from '@mantine/core';
import { useParams, useSearch } from '@tanstack/react-router';
import { lazy, Suspense, useMemo } from 'react';
import { api, type Schemas } from '../api/client';
import { to } from '../app/links';
import { parse, pointerOf } from '../builder/document';
import { rulePath } from '../builder/reading';
import { placed } from '../builder/placed';
import { t } from '../text';
import { Asked, Loading } from '../ui/Asked';
import { At, Facts, Go } from '../ui/bits';
import { Page, Panel } from '../ui/Page';

const JsonEditor = lazy(() => import('../editor/JsonEditor'));
const v = t.policies.version;

export function Version() {
  const { id, n } = useParams({ from: '/inside/policies/$id/v/$n' });
  const version = api.useQuery(
    'get',
    '/api/v1/policies/{id}/versions/{number}',
    { params: { path: { id, number: n } } },
    // A version never changes.
    { staleTime: n === 'latest' ? 0 : Infinity },
  );
  const policy = api.useQuery('get', '/api/v1/policies/{id}', { params: { path: { id } } });
  return (
    <Asked query={version}>
      {(found) => <Shown id={id} version={found} policy={policy.data} />}
    </Asked>
  );
}

interface Props {
  id: string;
  version: Schemas['VersionWhole'];
  policy: Schemas['PolicyWhole'] | undefined;
}

function Shown({ id, version, policy }: Props) {
  const { rule } = useSearch({ from: '/inside/policies/$id/v/$n' });
  const doc = useMemo(() => parse(version.text), [version.text]);
  const path = useMemo(() => (rule ? rulePath(doc, rule) : undefined), [doc, rule]);
  const lit = useMemo(() => (path ? placed(doc, path) : undefined), [doc, path]);
  const name = policy?.name ?? id;
  return (
    <Page
      title={v.title(name, version.number)}
      above={
        <>
          <Go {...to.policies()}>{t.policies.title}</Go> / <Go {...to.policy(name)}>{name}</Go>
        </>
      }
    >
      {policy && policy.latest > version.number && (
        <Text size="sm">
          <Go {...to.version(name, policy.latest)}>{v.newer(policy.latest)}</Go>
        </Text>
      )}
      <Facts
        of={[
          [t.policies.history.author, version.author],
          [t.policies.history.at, <At key="at" at={version.published_at} as="moment" />],
          [v.note, version.note || t.states.none],
        ]}
      />
      {rule && (
        <Alert color={path ? 'brand' : 'gray'} variant="outline" role="status">
          {path ? v.lit(rule) : v.notThere(rule)}
        </Alert>
      )}
      <Panel title={v.document}>
        <Suspense fallback={<Loading lines={10} />}>
          <JsonEditor
            key={`${version.number} ${path ? pointerOf(path) : ''}`}
            text={version.text}
            label={v.document}
            readOnly
            lit={lit}
          />
        </Suspense>
      </Panel>
      {version.number > 1 && <Changes id={id} to={version.number} />}
    </Page>
  );
}

function Changes({ id, to: number }: { id: string; to: number }) {
  const query = api.useQuery('get', '/api/v1/policies/{id}/diff', {
    params: { path: { id }, query: { from: number - 1, to: number } },
  });
  return (
    <Panel title={v.changes(number - 1, number)}>
      <Asked query={query}>
        {({ unified }) =>
          unified === '' ? <Text size="sm">{v.same}</Text> : <Code block>{unified}</Code>
        }
      </Asked>
    </Panel>
  );
}
