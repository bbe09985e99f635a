// A question before something that cannot be undone. The button names the thing.
import { Button, Group, Modal, Stack, Text, TextInput } from '@mantine/core';
import { type ReactNode, useState } from 'react';
import { t } from '../text/core';
import { ProblemView } from './ProblemView';

interface Props {
  open: boolean;
  close: () => void;
  title: string;
  text: string;
  go: string;
  /** What has to be typed first, so that no slip does it. */
  typed?: string;
  pending: boolean;
  error: unknown;
  onGo: () => void;
  children?: ReactNode;
}

export function Confirm({
  open,
  close,
  title,
  text,
  go,
  typed,
  pending,
  error,
  onGo,
  children,
}: Props) {
  const [given, setGiven] = useState('');
  const leave = () => {
    setGiven('');
    close();
  };
  return (
    <Modal
      opened={open}
      onClose={leave}
      title={title}
      closeButtonProps={{ 'aria-label': t.states.close }}
    >
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (!typed || given === typed) onGo();
        }}
      >
        <Stack>
          <Text size="sm">{text}</Text>
          {children}
          {typed && (
            <TextInput
              label={t.states.type(typed)}
              value={given}
              onChange={(event) => setGiven(event.currentTarget.value)}
              autoComplete="off"
              data-autofocus
            />
          )}
          {error !== null && error !== undefined && <ProblemView error={error} />}
          <Group justify="flex-end">
            <Button variant="default" onClick={leave}>
              {t.states.cancel}
            </Button>
            <Button
              type="submit"
              color="red.8"
              loading={pending}
              disabled={typed !== undefined && given !== typed}
            >
              {go}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
