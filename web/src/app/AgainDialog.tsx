// The session ended, or something needs a fresh proof: the person does so on the spot, what they
// typed stays, and the request that waited goes on.
import { Button, Group, Modal, PasswordInput, Stack, Text } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import type { Missing } from '../api/again';
import { api, http } from '../api/client';
import { canUsePasskeys, NoPasskey, proveWithPasskey, signInWithPasskey } from '../lib/passkeys';
import { states } from '../text/shell';
import { signing } from '../text/sign-in';
import { ProblemView } from '../ui/ProblemView';

interface Props {
  missing: Missing;
  end: (good: boolean) => void;
}

export default function AgainDialog({ missing, end }: Props) {
  const s = missing === 'session' ? signing.out : signing.prove;
  const [password, setPassword] = useState('');
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const queries = useQueryClient();
  const who = api.useQuery('get', '/api/v1/me', {}, { enabled: false });
  const ways = api.useQuery('get', '/api/v1/sign-in', {});
  const email = who.data?.member.email ?? '';

  /** Goes on as the same person; anybody else begins anew, with nothing of theirs on the screen. */
  const back = async () => {
    const { data } = await http.GET('/api/v1/session', {});
    if (!data) return;
    if (who.data && data.member.id !== who.data.member.id) {
      location.reload();
      return;
    }
    end(true);
    void queries.invalidateQueries();
  };
  const run = (step: () => Promise<unknown>) => {
    setBusy(true);
    setError(undefined);
    step()
      .then(back)
      .catch((reason: unknown) => setError(reason))
      .finally(() => setBusy(false));
  };
  const send = (event: FormEvent) => {
    event.preventDefault();
    run(() =>
      missing === 'session'
        ? http.POST('/api/v1/sign-in/password', { body: { email, password } })
        : http.POST('/api/v1/session/fresh', { body: { password } }),
    );
  };
  return (
    <Modal
      opened
      onClose={() => end(false)}
      title={s.title}
      closeButtonProps={{ 'aria-label': states.close }}
    >
      <form onSubmit={send}>
        <Stack>
          <Text size="sm">{s.text}</Text>
          <input type="hidden" name="username" autoComplete="username" value={email} readOnly />
          <PasswordInput
            label={signing.prove.password}
            value={password}
            onChange={(event) => setPassword(event.currentTarget.value)}
            autoComplete="current-password"
            data-autofocus
          />
          {error !== undefined && <Wrong error={error} />}
          <Group gap="sm">
            <Button type="submit" loading={busy} disabled={password === ''}>
              {s.go}
            </Button>
            {ways.data?.passkey && canUsePasskeys() && (
              <Button
                variant="default"
                disabled={busy}
                onClick={() => run(missing === 'session' ? signInWithPasskey : proveWithPasskey)}
              >
                {signing.prove.passkey}
              </Button>
            )}
          </Group>
          <Elsewhere missing={missing} checked={() => run(() => Promise.resolve())} />
        </Stack>
      </form>
    </Modal>
  );
}

function Wrong({ error }: { error: unknown }) {
  if (error instanceof NoPasskey) return <Text size="sm">{signing.noPasskey}</Text>;
  return <ProblemView error={error} />;
}

/** The ways that need a page of their own: they open beside this one, which then goes on. */
function Elsewhere({ missing, checked }: { missing: Missing; checked: () => void }) {
  const ways = api.useQuery('get', '/api/v1/sign-in', {});
  const providers = ways.data?.oidc ?? [];
  if (missing === 'proof' && providers.length === 0) return null;
  return (
    <Stack gap="xs">
      {missing === 'session' ? (
        <a href="/sign-in" target="_blank" rel="noreferrer">
          {signing.out.other}
        </a>
      ) : (
        providers.map(({ id, name }) => (
          <a
            key={id}
            href={`/api/v1/sign-in/oidc/${encodeURIComponent(id)}?fresh=true&next=/settings`}
            target="_blank"
            rel="noreferrer"
          >
            {signing.prove.provider(name)}
          </a>
        ))
      )}
      <Button variant="default" size="xs" onClick={checked} style={{ alignSelf: 'flex-start' }}>
        {missing === 'session' ? signing.out.checked : signing.prove.done}
      </Button>
    </Stack>
  );
}
