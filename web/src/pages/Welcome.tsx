// First run: from nothing to a governed and a denied call, step by step; each step resumes.
import { useNavigate, useSearch } from '@tanstack/react-router';
import { Button, Group, PasswordInput, Stack, Text, TextInput, Title } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useEffect, useState } from 'react';
import { api, problemOf } from '../api/client';
import { to } from '../app/links';
import { t } from '../text';
import { Asked, Loading } from '../ui/Asked';
import { ProblemView } from '../ui/ProblemView';
import { Steps } from './welcome/Steps';

const w = t.access.welcome;

export function Welcome() {
  const { token } = useSearch({ from: '/welcome' });
  const ways = api.useQuery('get', '/api/v1/sign-in', {}, { staleTime: 0 });
  useEffect(() => {
    document.title = `${w.title} · ${t.shell.product}`;
  }, []);
  return (
    <main style={{ maxWidth: 760, margin: '4vh auto', padding: 16 }}>
      <Title order={1} size="h2" mb="md">
        {w.title}
      </Title>
      <Asked query={ways}>
        {({ setup }) => (setup ? <Admin token={token ?? ''} /> : <SignedIn />)}
      </Asked>
    </main>
  );
}

/** The steps after the first, for somebody who is signed in. */
function SignedIn() {
  const navigate = useNavigate();
  const session = api.useQuery('get', '/api/v1/me', {});
  const nobody = problemOf(session.error).status === 401;
  useEffect(() => {
    if (nobody) void navigate({ ...to.signIn('/welcome'), replace: true });
  }, [nobody, navigate]);
  if (session.data) return <Steps />;
  if (session.error && !nobody) return <ProblemView error={session.error} />;
  return <Loading />;
}

function Admin({ token }: { token: string }) {
  const queries = useQueryClient();
  const [given, setGiven] = useState({ token, name: '', email: '', password: '' });
  const create = api.useMutation('post', '/api/v1/setup', {
    onSuccess: async () => {
      setGiven({ token: '', name: '', email: '', password: '' });
      await queries.invalidateQueries();
    },
  });
  const field = (name: keyof typeof given) => ({
    value: given[name],
    onChange: (event: { currentTarget: { value: string } }) =>
      setGiven({ ...given, [name]: event.currentTarget.value }),
  });
  const send = (event: FormEvent) => {
    event.preventDefault();
    create.mutate({ body: given });
  };
  return (
    <form onSubmit={send} className="cs-panel">
      <Stack gap="sm">
        <Title order={2} size="h4">
          {`1. ${w.steps.admin}`}
        </Title>
        <Text size="sm" c="dimmed">
          {w.adminAbout}
        </Text>
        {token === '' && (
          <TextInput label={w.token} description={w.tokenHint} required {...field('token')} />
        )}
        <TextInput label={w.name} autoComplete="name" required {...field('name')} />
        <TextInput
          label={w.email}
          type="email"
          autoComplete="username"
          required
          {...field('email')}
        />
        <PasswordInput
          label={w.password}
          description={w.passwordHint}
          autoComplete="new-password"
          required
          {...field('password')}
        />
        {create.error && <ProblemView error={create.error} />}
        <Group>
          <Button type="submit" loading={create.isPending}>
            {w.create}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
