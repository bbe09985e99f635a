// The credential of a server: set and replaced, never read.
import {
  Button,
  Group,
  PasswordInput,
  SegmentedControl,
  Stack,
  Text,
  TextInput,
} from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { api, problemOf, type Schemas } from '../../api/client';
import { useCan } from '../../app/can';
import { formatMoment } from '../../lib/format';
import { t } from '../../text';
import { Empty, Loading } from '../../ui/Asked';
import { Facts } from '../../ui/bits';
import { Confirm } from '../../ui/Confirm';
import { Guarded } from '../../ui/Guarded';
import { Panel } from '../../ui/Page';
import { ProblemView } from '../../ui/ProblemView';

const c = t.servers.credential;

export function Credential({ slug }: { slug: string }) {
  const may = useCan();
  const queries = useQueryClient();
  const [editing, setEditing] = useState(false);
  const [removing, setRemoving] = useState(false);
  const params = { params: { path: { id: slug } } };
  const query = api.useQuery('get', '/api/v1/servers/{id}/credential', params, { retry: 0 });
  const changed = () => void queries.invalidateQueries({ queryKey: ['get'] });
  const test = api.useMutation('post', '/api/v1/servers/{id}/refresh', {
    onSuccess: ({ tools }) => {
      changed();
      notifications.show({ message: c.tested(tools?.found ?? 0) });
    },
    onError: (error) => {
      const problem = problemOf(error);
      notifications.show({ color: 'red', title: problem.title, message: problem.detail });
    },
  });
  const remove = api.useMutation('delete', '/api/v1/servers/{id}/credential', {
    onSuccess: () => {
      queries.removeQueries({ queryKey: ['get', '/api/v1/servers/{id}/credential'] });
      changed();
      setRemoving(false);
    },
  });
  const status = query.error ? problemOf(query.error).status : 0;
  if (query.isPending) return <Loading />;
  if (query.error && status !== 404) {
    return <ProblemView error={query.error} retry={() => void query.refetch()} />;
  }
  const there = status === 404 ? undefined : query.data;
  return (
    <Stack>
      <Text c="dimmed" size="sm">
        {c.about}
      </Text>
      {editing ? (
        <Form slug={slug} close={() => setEditing(false)} />
      ) : there ? (
        <Panel title={t.servers.tabs.credential}>
          <Known credential={there} />
          <Group mt="md">
            <Guarded may={may('credential_set')} onClick={() => setEditing(true)}>
              {c.replace}
            </Guarded>
            <Guarded
              may={may('servers_refresh')}
              variant="default"
              loading={test.isPending}
              onClick={() => test.mutate(params)}
            >
              {c.test}
            </Guarded>
            <Guarded
              may={may('credential_remove')}
              variant="default"
              onClick={() => setRemoving(true)}
            >
              {c.disconnect}
            </Guarded>
          </Group>
        </Panel>
      ) : (
        <Empty title={c.none} text={c.noneText}>
          <Guarded may={may('credential_set')} onClick={() => setEditing(true)}>
            {c.set}
          </Guarded>
        </Empty>
      )}
      <Confirm
        open={removing}
        close={() => setRemoving(false)}
        title={c.disconnect}
        text={c.disconnectText}
        go={c.disconnect}
        pending={remove.isPending}
        error={remove.error}
        onGo={() => remove.mutate(params)}
      />
    </Stack>
  );
}

function Known({ credential }: { credential: Schemas['CredentialOut'] }) {
  return (
    <Facts
      of={[
        [c.kind, credential.kind],
        [c.headers, credential.headers.join(', ')],
        [c.setAt, formatMoment(credential.set_at)],
        [c.generation, c.times(credential.generation)],
        [c.keyVersion, String(credential.key_version ?? t.states.none)],
        [c.opens, credential.opens ? c.opensYes : c.opensNo],
      ]}
    />
  );
}

/** Takes a value once. It is held by the field alone, and gone with it. */
export function Form({ slug, close }: { slug: string; close: () => void }) {
  const queries = useQueryClient();
  const [kind, setKind] = useState('bearer');
  const set = api.useMutation('put', '/api/v1/servers/{id}/credential', {
    onSuccess: () => {
      void queries.invalidateQueries({ queryKey: ['get'] });
      close();
    },
    // A value that was sent is not kept with the request.
    gcTime: 0,
  });
  const send = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const given = new FormData(event.currentTarget);
    const value = String(given.get('value') ?? '');
    const body =
      kind === 'bearer'
        ? { bearer: value }
        : { headers: { [String(given.get('header') ?? '')]: value } };
    set.mutate({ params: { path: { id: slug } }, body });
  };
  return (
    <form onSubmit={send} autoComplete="off">
      <Stack gap="sm" maw={520}>
        <div>
          <Text size="sm" id="how">
            {c.how}
          </Text>
          <SegmentedControl
            aria-labelledby="how"
            value={kind}
            onChange={setKind}
            data={[
              { value: 'bearer', label: c.bearer },
              { value: 'header', label: c.header },
            ]}
          />
        </div>
        {kind === 'header' && (
          <TextInput name="header" label={c.header} placeholder="X-Api-Key" required />
        )}
        <PasswordInput
          name="value"
          label={c.value}
          description={c.valueHint}
          required
          autoComplete="off"
        />
        {set.error && <ProblemView error={set.error} />}
        <Group>
          <Button type="submit" loading={set.isPending}>
            {c.set}
          </Button>
          <Button variant="default" onClick={close}>
            {t.states.cancel}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
