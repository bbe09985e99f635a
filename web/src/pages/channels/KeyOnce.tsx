// What a receiver checks signatures with: a key that is shown once, or a public one.
import { Button, Checkbox, Group, Stack, Text } from '@mantine/core';
import { useState } from 'react';
import type { Schemas } from '../../api/client';
import { channels as c } from '../../text/channels';
import { Snippet } from '../../ui/bits';
import { Leaving } from '../../ui/Leaving';
import { Panel } from '../../ui/Page';

export function KeyOnce({ made, done }: { made: Schemas['ChannelMade']; done: () => void }) {
  const [stored, setStored] = useState(false);
  const { channel, secret, note } = made;
  const shown = secret ?? channel.public_key;
  return (
    <Panel title={c.secretTitle(channel.name)}>
      <Stack gap="sm">
        {shown ? <Snippet text={shown} label={c.secretTitle(channel.name)} /> : <Text>{note}</Text>}
        <Text size="sm" fw={600} c={secret ? 'var(--cs-waiting)' : undefined}>
          {secret ? c.secretAbout : c.publicAbout}
        </Text>
        <Leaving unsaved={Boolean(secret) && !stored} />
        {secret && (
          <Checkbox
            label={c.stored}
            checked={stored}
            onChange={(event) => setStored(event.currentTarget.checked)}
          />
        )}
        <Group>
          <Button disabled={Boolean(secret) && !stored} onClick={done}>
            {c.done}
          </Button>
        </Group>
      </Stack>
    </Panel>
  );
}
