// Signing in: the ways this instance offers, and nothing else.
import {
  Alert,
  Button,
  Divider,
  PasswordInput,
  Stack,
  Text,
  TextInput,
  Title,
} from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useNavigate, useRouter, useSearch } from '@tanstack/react-router';
import { type FormEvent, useEffect, useState } from 'react';
import { api } from '../api/client';
import { t } from '../text';
import { Asked } from '../ui/Asked';
import { ProblemView } from '../ui/ProblemView';

const s = t.access.signIn;

/** Where to go on: an address inside the dashboard, or its start. */
const inside = (next: string | undefined): string =>
  next?.startsWith('/') && !next.startsWith('//') && !next.includes('\\') ? next : '/';

export function SignIn() {
  const { next } = useSearch({ from: '/sign-in' });
  const ways = api.useQuery('get', '/api/v1/sign-in', {}, { staleTime: 0 });
  useEffect(() => {
    document.title = `${s.title} · ${t.shell.product}`;
  }, []);
  return (
    <main style={{ maxWidth: 400, margin: '8vh auto', padding: 16 }}>
      <Stack className="cs-panel">
        <Text fw={700}>{t.shell.product}</Text>
        <Title order={1} size="h3">
          {s.title}
        </Title>
        <Asked query={ways}>
          {({ setup, password, oidc }) => (
            <>
              {setup && (
                <Alert color="brand" title={s.setup}>
                  {s.setupHow}
                </Alert>
              )}
              {password && <Password next={inside(next)} />}
              {password && oidc.length > 0 && <Divider />}
              {oidc.map((provider) => (
                <Button
                  key={provider.id}
                  component="a"
                  variant="default"
                  href={`/api/v1/sign-in/oidc/${encodeURIComponent(provider.id)}`}
                >
                  {s.with(provider.name)}
                </Button>
              ))}
              {!password && oidc.length === 0 && !setup && <Text>{s.noWays}</Text>}
            </>
          )}
        </Asked>
      </Stack>
    </main>
  );
}

function Password({ next }: { next: string }) {
  const [email, setEmail] = useState('');
  const [password, setPassword] = useState('');
  const navigate = useNavigate();
  const router = useRouter();
  const queries = useQueryClient();
  const signIn = api.useMutation('post', '/api/v1/sign-in/password', {
    onSuccess: async () => {
      setPassword('');
      queries.clear();
      await router.invalidate();
      await navigate({ to: next });
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
        {signIn.error && <ProblemView error={signIn.error} />}
        <Button type="submit" loading={signIn.isPending}>
          {s.go}
        </Button>
      </Stack>
    </form>
  );
}
