// Reads a credential back: with a reason, by somebody who has just proved who they are, once.
import { Button, Group, Modal, Stack, Text, Textarea } from '@mantine/core';
import { type FormEvent, useEffect, useState } from 'react';
import { api, type Schemas } from '../../../api/client';
import { credentials as c } from '../../../text/credentials';
import { states } from '../../../text/shell';
import { Snippet } from '../../../ui/bits';
import { ProblemView } from '../../../ui/ProblemView';

const SECONDS = 30;

export function Reveal({ slug, close }: { slug: string; close: () => void }) {
  const [reason, setReason] = useState('');
  const [shown, setShown] = useState<Schemas['CredentialRevealed']>();
  const reveal = api.useMutation('post', '/api/v1/servers/{id}/credential/reveal', {
    onSuccess: (opened) => {
      setShown(opened);
      // Held by this dialog alone, and gone with it.
      reveal.reset();
    },
    gcTime: 0,
  });
  const send = (event: FormEvent) => {
    event.preventDefault();
    reveal.mutate({ params: { path: { id: slug } }, body: { reason } });
  };
  return (
    <Modal
      opened
      onClose={close}
      title={shown ? c.revealed : c.revealTitle(slug)}
      size="lg"
      closeButtonProps={{ 'aria-label': states.close }}
    >
      {shown ? (
        <Shown of={shown} close={close} />
      ) : (
        <form onSubmit={send}>
          <Stack>
            <Text size="sm">{c.revealText}</Text>
            <Textarea
              label={c.reason}
              required
              maxLength={500}
              autosize
              minRows={2}
              value={reason}
              onChange={(event) => setReason(event.currentTarget.value)}
              data-autofocus
            />
            {reveal.error && <ProblemView error={reveal.error} />}
            <Group justify="flex-end">
              <Button variant="default" onClick={close}>
                {states.cancel}
              </Button>
              <Button type="submit" loading={reveal.isPending} disabled={reason.trim() === ''}>
                {c.revealGo}
              </Button>
            </Group>
          </Stack>
        </form>
      )}
    </Modal>
  );
}

function Shown({ of, close }: { of: Schemas['CredentialRevealed']; close: () => void }) {
  const [left, setLeft] = useState(SECONDS);
  useEffect(() => {
    const timer = setInterval(() => setLeft((seconds) => seconds - 1), 1000);
    return () => clearInterval(timer);
  }, []);
  useEffect(() => {
    if (left <= 0) close();
  }, [left, close]);
  const values: [string, string][] = Object.entries(of.headers);
  if (of.client_secret) values.push([c.clientSecret, of.client_secret]);
  return (
    <Stack>
      {values.length === 0 && <Text size="sm">{c.noValues}</Text>}
      {values.map(([name, value]) => (
        <Snippet key={name} text={value} label={name} titled />
      ))}
      <Group justify="space-between">
        <Text size="sm" c="var(--cs-waiting)" fw={600}>
          {c.goneIn(left)}
        </Text>
        <Button variant="default" onClick={close}>
          {c.hideNow}
        </Button>
      </Group>
    </Stack>
  );
}
