// The session ended while somebody was at work: they sign in on the spot, and what they typed stays.
import { Button, Group, Modal, PasswordInput, Stack, Text } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useEffect, useState } from 'react';
import { api, onSignedOut } from '../api/client';
import { t } from '../text';
import { ProblemView } from '../ui/ProblemView';

export function SignedOut() {
  const [open, setOpen] = useState(false);
  const [password, setPassword] = useState('');
  const queries = useQueryClient();
  const session = api.useQuery('get', '/api/v1/me', {}, { enabled: false });
  const back = () => {
    setPassword('');
    setOpen(false);
    void queries.invalidateQueries();
  };
  const signIn = api.useMutation('post', '/api/v1/sign-in/password', { onSuccess: back });
  useEffect(() => onSignedOut(() => setOpen(true)), []);
  const send = (event: FormEvent) => {
    event.preventDefault();
    signIn.mutate({ body: { email: session.data?.member.email ?? '', password } });
  };
  return (
    <Modal
      opened={open}
      onClose={() => setOpen(false)}
      title={t.shell.signedOut.title}
      closeButtonProps={{ 'aria-label': t.states.close }}
    >
      <form onSubmit={send}>
        <Stack>
          <Text size="sm">{t.shell.signedOut.text}</Text>
          <input
            type="hidden"
            autoComplete="username"
            value={session.data?.member.email ?? ''}
            readOnly
          />
          <PasswordInput
            label={t.shell.signedOut.password}
            value={password}
            onChange={(event) => setPassword(event.currentTarget.value)}
            autoComplete="current-password"
            data-autofocus
          />
          {signIn.error && <ProblemView error={signIn.error} />}
          <Group>
            <Button type="submit" loading={signIn.isPending}>
              {t.shell.signedOut.go}
            </Button>
            <a href="/sign-in" target="_blank" rel="noreferrer">
              {t.shell.signedOut.other}
            </a>
            <Button variant="default" onClick={back}>
              {t.shell.signedOut.checked}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
