// Changing one's own password.
import { Button, PasswordInput, Stack, Text } from '@mantine/core';
import { type FormEvent, useState } from 'react';
import { api } from '../../api/client';
import { account as a } from '../../text/account';
import { signing } from '../../text/sign-in';
import { Panel } from '../../ui/Page';
import { ProblemView } from '../../ui/ProblemView';

export function Password({ email }: { email: string }) {
  const [current, setCurrent] = useState('');
  const [next, setNext] = useState('');
  const change = api.useMutation('put', '/api/v1/me/password', {
    onSuccess: () => {
      setCurrent('');
      setNext('');
    },
  });
  const send = (event: FormEvent) => {
    event.preventDefault();
    change.mutate({ body: { new: next, ...(current ? { current } : {}) } });
  };
  return (
    <Panel title={a.password}>
      <form onSubmit={send}>
        <Stack gap="sm" maw={420}>
          <Text size="sm" c="dimmed">
            {a.passwordAbout}
          </Text>
          <input type="hidden" name="username" autoComplete="username" value={email} readOnly />
          <PasswordInput
            label={a.current}
            description={a.currentHint}
            autoComplete="current-password"
            value={current}
            onChange={(event) => setCurrent(event.currentTarget.value)}
          />
          <PasswordInput
            label={a.new}
            description={signing.newPasswordHint}
            autoComplete="new-password"
            required
            value={next}
            onChange={(event) => setNext(event.currentTarget.value)}
          />
          {change.error && <ProblemView error={change.error} />}
          <Text size="sm" role="status">
            {change.isSuccess && a.changed}
          </Text>
          <Button
            type="submit"
            variant="default"
            loading={change.isPending}
            style={{ alignSelf: 'flex-start' }}
          >
            {a.changePassword}
          </Button>
        </Stack>
      </form>
    </Panel>
  );
}
