// First run: from nothing to a governed and a denied call, step by step; each step resumes. The same
// kind of link lets somebody in again who lost their way.
import { Stack, Text, Title } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useEffect } from 'react';
import { api, problemOf } from '../api/client';
import { to } from '../app/links';
import { useLinkToken } from '../lib/link-token';
import { t } from '../text';
import { signing } from '../text/sign-in';
import { Asked, Loading } from '../ui/Asked';
import { Door } from '../ui/Door';
import { LetIn } from '../ui/LetIn';
import { ProblemView } from '../ui/ProblemView';
import { Steps } from './welcome/Steps';

const w = t.access.welcome;

export function Welcome() {
  const [token, used] = useLinkToken();
  const ways = api.useQuery('get', '/api/v1/sign-in', {}, { staleTime: 0 });
  useEffect(() => {
    document.title = `${w.title} · ${t.shell.product}`;
  }, []);
  const { data } = ways;
  if (data && !data.setup && token) return <Reset token={token} />;
  return (
    <main style={{ maxWidth: 760, margin: '4vh auto', padding: 16 }}>
      <Title order={1} size="h2" mb="md">
        {w.title}
      </Title>
      <Asked query={ways}>
        {({ setup }) => (setup ? <FirstAdmin token={token} used={used} /> : <SignedIn />)}
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

function FirstAdmin({ token, used }: { token: string; used: () => void }) {
  const queries = useQueryClient();
  const create = api.useMutation('post', '/api/v1/setup', {
    onSuccess: () => {
      used();
      return queries.invalidateQueries();
    },
  });
  return (
    <section className="cs-panel" aria-label={w.steps.admin}>
      <Stack gap="sm">
        <Title order={2} size="h4">
          {`1. ${w.steps.admin}`}
        </Title>
        <Text size="sm" c="dimmed">
          {w.adminAbout}
        </Text>
        <LetIn
          token={token}
          {...(token ? {} : { tokenLabel: { label: w.token, hint: w.tokenHint } })}
          withEmail
          go={w.create}
          pending={create.isPending}
          error={create.error}
          send={(body) => create.mutate({ body })}
        />
      </Stack>
    </section>
  );
}

function Reset({ token }: { token: string }) {
  const queries = useQueryClient();
  const navigate = useNavigate();
  const set = api.useMutation('post', '/api/v1/setup', {
    onSuccess: () => {
      queries.clear();
      return navigate(to.overview());
    },
  });
  return (
    <Door title={signing.reset.title}>
      <Text size="sm">{signing.reset.about}</Text>
      <LetIn
        token={token}
        withEmail
        go={signing.reset.go}
        pending={set.isPending}
        error={set.error}
        send={(body) => set.mutate({ body })}
      />
      {set.error && problemOf(set.error).code === 'gone' && (
        <Text size="sm">{signing.invite.gone}</Text>
      )}
    </Door>
  );
}
