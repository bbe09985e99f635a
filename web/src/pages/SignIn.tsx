// Signing in: the ways this instance offers, and nothing else.
import { Alert, Button, Divider, PasswordInput, Stack, Text, TextInput } from '@mantine/core';
import { IconFingerprint } from '@tabler/icons-react';
import { useQueryClient } from '@tanstack/react-query';
import { useNavigate, useRouter, useSearch } from '@tanstack/react-router';
import { type FormEvent, useState } from 'react';
import { api, problemOf } from '../api/client';
import { canUsePasskeys, NoPasskey, signInWithPasskey } from '../lib/passkeys';
import { signing as s } from '../text/sign-in';
import { Asked } from '../ui/Asked';
import { Door } from '../ui/Door';
import { ProblemView } from '../ui/ProblemView';

/** Where to go on: an address inside the dashboard that is not this one, or its start. */
const inside = (next: string | undefined): string =>
  next && /^\/(?!\/|sign-in\b)[^\\]*$/.test(next) ? next : '/';

export function SignIn() {
  const search = useSearch({ from: '/sign-in' });
  const next = inside(search.next);
  const ways = api.useQuery('get', '/api/v1/sign-in', {}, { staleTime: 0 });
  return (
    <Door title={s.title}>
      {search.error && (
        <Alert color="red" variant="outline" role="alert">
          {s.errors[search.error] ?? s.errorOther}
        </Alert>
      )}
      <Asked query={ways}>
        {({ setup, password, passkey, oidc }) => (
          <>
            {setup && (
              <Alert color="brand" title={s.setup}>
                {s.setupHow}
              </Alert>
            )}
            {password && <Password next={next} />}
            {(passkey || oidc.length > 0) && <Divider label={s.or} />}
            {passkey && canUsePasskeys() && <Passkey next={next} />}
            {oidc.map((provider) => (
              <Button
                key={provider.id}
                component="a"
                variant="default"
                href={`/api/v1/sign-in/oidc/${encodeURIComponent(provider.id)}?next=${encodeURIComponent(next)}`}
              >
                {s.with(provider.name)}
              </Button>
            ))}
            {!passkey && (
              <Text size="xs" c="dimmed">
                {s.passkeysElsewhere}
              </Text>
            )}
            <Text size="xs" c="dimmed">
              {s.lostWay}
            </Text>
          </>
        )}
      </Asked>
    </Door>
  );
}

/** Goes on where the person wanted to, with nothing of anybody before them in the cache. */
function useEnter(next: string): () => Promise<void> {
  const navigate = useNavigate();
  const router = useRouter();
  const queries = useQueryClient();
  return async () => {
    queries.clear();
    await router.invalidate();
    await navigate({ to: next });
  };
}

function Password({ next }: { next: string }) {
  const [email, setEmail] = useState('');
  const [password, setPassword] = useState('');
  const enter = useEnter(next);
  const signIn = api.useMutation('post', '/api/v1/sign-in/password', {
    onSuccess: () => {
      setPassword('');
      return enter();
    },
  });
  const send = (event: FormEvent) => {
    event.preventDefault();
    signIn.mutate({ body: { email, password } });
  };
  return (
    <form onSubmit={send}>
      <Stack gap="sm">
        <TextInput
          label={s.email}
          type="email"
          autoComplete="username"
          required
          value={email}
          onChange={(event) => setEmail(event.currentTarget.value)}
        />
        <PasswordInput
          label={s.password}
          autoComplete="current-password"
          required
          value={password}
          onChange={(event) => setPassword(event.currentTarget.value)}
        />
        {signIn.error && <Insecure error={signIn.error} />}
        <Button type="submit" loading={signIn.isPending}>
          {s.go}
        </Button>
      </Stack>
    </form>
  );
}

/** A refusal to sign in; over plain http from another machine it also says what to do. */
function Insecure({ error }: { error: unknown }) {
  if (problemOf(error).code !== 'insecure_origin') return <ProblemView error={error} />;
  return (
    <Alert color="red" variant="outline" role="alert">
      {s.insecure}
    </Alert>
  );
}

function Passkey({ next }: { next: string }) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const enter = useEnter(next);
  const begin = () => {
    setBusy(true);
    setError(undefined);
    signInWithPasskey()
      .then(enter)
      .catch((reason: unknown) => setError(reason))
      .finally(() => setBusy(false));
  };
  return (
    <>
      <Button
        variant="default"
        leftSection={<IconFingerprint size={18} aria-hidden />}
        loading={busy}
        onClick={begin}
      >
        {s.passkey}
      </Button>
      {error instanceof NoPasskey && (
        <Text size="sm" role="alert">
          {s.noPasskey}
        </Text>
      )}
      {error !== undefined && !(error instanceof NoPasskey) && <Insecure error={error} />}
    </>
  );
}
