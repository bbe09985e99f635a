// One's own passkeys: added with a fresh proof of who one is, and taken away.
import { Button, Group, Stack, Text, TextInput } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { api, type Schemas } from '../../api/client';
import { addPasskey, canUsePasskeys, NoPasskey } from '../../lib/passkeys';
import { account as a } from '../../text/account';
import { signing } from '../../text/sign-in';
import { Asked } from '../../ui/Asked';
import { At } from '../../ui/bits';
import { Confirm } from '../../ui/Confirm';
import { Panel } from '../../ui/Page';
import { ProblemView } from '../../ui/ProblemView';

export function Passkeys() {
  const queries = useQueryClient();
  const query = api.useQuery('get', '/api/v1/me/passkeys', {});
  const ways = api.useQuery('get', '/api/v1/sign-in', {});
  const [ending, setEnding] = useState<Schemas['PasskeyOut']>();
  const changed = () => {
    setEnding(undefined);
    void queries.invalidateQueries({ queryKey: ['get', '/api/v1/me/passkeys'] });
  };
  const end = api.useMutation('delete', '/api/v1/me/passkeys/{id}', { onSuccess: changed });
  const here = ways.data?.passkey === true && canUsePasskeys();
  return (
    <Panel title={a.passkeys}>
      <Stack gap="sm">
        <Text size="sm" c="dimmed">
          {a.passkeysAbout}
        </Text>
        <Asked query={query}>
          {({ items }) => (
            <>
              {items.length === 0 && <Text size="sm">{a.noPasskeys}</Text>}
              {items.map((one) => (
                <Group key={one.id} justify="space-between">
                  <Text size="sm">
                    {one.label}
                    {one.backed_up && ` · ${a.synced}`} · {a.used}{' '}
                    {one.used_at ? <At at={one.used_at} as="distance" /> : a.never}
                  </Text>
                  <Button size="xs" variant="default" onClick={() => setEnding(one)}>
                    {a.removePasskey(one.label)}
                  </Button>
                </Group>
              ))}
            </>
          )}
        </Asked>
        {here ? <Add done={changed} /> : <Text size="sm">{a.notHere}</Text>}
      </Stack>
      {ending && (
        <Confirm
          open
          close={() => setEnding(undefined)}
          title={a.removePasskey(ending.label)}
          text={a.removePasskeyText}
          go={a.removePasskey(ending.label)}
          pending={end.isPending}
          error={end.error}
          onGo={() => end.mutate({ params: { path: { id: ending.id } } })}
        />
      )}
    </Panel>
  );
}

function Add({ done }: { done: () => void }) {
  const [label, setLabel] = useState('');
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const send = (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setError(undefined);
    addPasskey(label)
      .then(() => {
        setLabel('');
        done();
      })
      .catch((reason: unknown) => setError(reason))
      .finally(() => setBusy(false));
  };
  return (
    <form onSubmit={send}>
      <Stack gap="xs" align="flex-start">
        <TextInput
          label={a.passkeyName}
          description={a.passkeyHint}
          required
          maxLength={100}
          value={label}
          onChange={(event) => setLabel(event.currentTarget.value)}
        />
        {error instanceof NoPasskey && <Text size="sm">{signing.noPasskey}</Text>}
        {error !== undefined && !(error instanceof NoPasskey) && <ProblemView error={error} />}
        <Button type="submit" variant="default" loading={busy}>
          {a.addPasskey}
        </Button>
      </Stack>
    </form>
  );
}
