// The credential of a server: what it is, what state it is in, and what can be done with it. Its values
// can be set and replaced; reading them back is a matter of its own, off by default.
import { Alert, Group, Stack, Text } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api, problemOf } from '../../api/client';
import { useCan } from '../../app/can';
import { credentials as c } from '../../text/credentials';
import { states } from '../../text/shell';
import { Empty, Loading } from '../../ui/Asked';
import { Confirm } from '../../ui/Confirm';
import { Guarded } from '../../ui/Guarded';
import { Panel } from '../../ui/Page';
import { ProblemView } from '../../ui/ProblemView';
import { Connections } from './credential/Connections';
import { Form } from './credential/Form';
import { Known } from './credential/Known';
import { Reveal } from './credential/Reveal';
import { Wanted } from './credential/Wanted';

type Act = 'edit' | 'remove' | 'reveal';

export function Credential({ slug }: { slug: string }) {
  const may = useCan();
  const queries = useQueryClient();
  const [act, setAct] = useState<Act>();
  const done = () => setAct(undefined);
  const params = { params: { path: { id: slug } } };
  const query = api.useQuery('get', '/api/v1/servers/{id}/credential', params, { retry: 0 });
  const changed = () => void queries.invalidateQueries({ queryKey: ['get'] });
  const test = api.useMutation('post', '/api/v1/servers/{id}/credential/test', {
    onSuccess: changed,
  });
  const remove = api.useMutation('delete', '/api/v1/servers/{id}/credential', {
    onSuccess: () => {
      queries.removeQueries({ queryKey: ['get', '/api/v1/servers/{id}/credential'] });
      queries.removeQueries({ queryKey: ['get', '/api/v1/servers/{id}/connections'] });
      test.reset();
      changed();
      done();
    },
  });
  const status = query.error ? problemOf(query.error).status : 0;
  if (query.isPending) return <Loading />;
  if (query.error && status !== 404)
    return <ProblemView error={query.error} retry={() => void query.refetch()} />;
  const there = status === 404 ? undefined : query.data;
  const edit = (label: string) => (
    <Guarded may={may('credential_set')} onClick={() => setAct('edit')}>
      {label}
    </Guarded>
  );
  return (
    <Stack>
      <Text c="dimmed" size="sm">
        {c.about}
      </Text>
      {act === 'edit' ? (
        <Panel title={there ? c.replace : c.set}>
          <Form
            slug={slug}
            present={there}
            close={() => {
              test.reset();
              done();
            }}
            {...(there ? {} : { none: done })}
          />
        </Panel>
      ) : there ? (
        <>
          <Panel title={c.title}>
            <Known slug={slug} credential={there} />
            <Group mt="md" gap="sm">
              <Guarded
                may={may('credential_test')}
                loading={test.isPending}
                onClick={() => test.mutate(params)}
              >
                {c.test}
              </Guarded>
              <Guarded may={may('credential_set')} variant="default" onClick={() => setAct('edit')}>
                {c.replace}
              </Guarded>
              <Guarded
                may={may('credential_reveal')}
                not={!there.reveals && c.revealOff}
                variant="default"
                onClick={() => setAct('reveal')}
              >
                {c.reveal}
              </Guarded>
              <Guarded
                may={may('credential_remove')}
                variant="default"
                onClick={() => setAct('remove')}
              >
                {c.remove}
              </Guarded>
            </Group>
            <div role="status">
              {test.data && (
                <Alert
                  mt="md"
                  variant="outline"
                  color={test.data.answered ? 'green' : 'red'}
                  title={
                    test.data.answered
                      ? c.tested(test.data.tools, test.data.version ?? states.none)
                      : c.testedNot
                  }
                >
                  {test.data.problem}
                </Alert>
              )}
            </div>
            {test.error && <ProblemView error={test.error} />}
          </Panel>
          {there.oauth && <Wanted slug={slug} oauth={there.oauth} />}
          {there.oauth && <Connections slug={slug} />}
        </>
      ) : (
        <Empty title={c.none} text={c.noneText}>
          {edit(c.set)}
        </Empty>
      )}
      {act === 'reveal' && <Reveal slug={slug} close={done} />}
      <Confirm
        open={act === 'remove'}
        close={done}
        title={c.removeTitle(slug)}
        text={c.removeText}
        go={c.removeGo}
        pending={remove.isPending}
        error={remove.error}
        onGo={() => remove.mutate(params)}
      />
    </Stack>
  );
}
