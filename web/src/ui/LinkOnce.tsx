// A link that lets somebody in, shown once.
import { Button, Checkbox, Group, Stack, Text } from '@mantine/core';
import { useState } from 'react';
import { people as p } from '../text/people';
import { states } from '../text/shell';
import { At, Snippet } from './bits';
import { Leaving } from './Leaving';
import { Panel } from './Page';

interface Props {
  name: string;
  path: string | null | undefined;
  note: string | null | undefined;
  endsAt: string;
  done: () => void;
}

export function LinkOnce({ name, path, note, endsAt, done }: Props) {
  const [given, setGiven] = useState(false);
  return (
    <Panel title={p.linkOf(name)}>
      <Stack gap="sm">
        {path ? <Snippet text={location.origin + path} label={p.link} /> : <Text>{note}</Text>}
        <Text size="sm" fw={600} c="var(--cs-waiting)">
          {p.linkAbout}
        </Text>
        <Text size="sm">
          {p.linkEnds} <At at={endsAt} as="distance" />.
        </Text>
        <Leaving unsaved={Boolean(path) && !given} />
        <Checkbox
          label={p.linkGiven}
          checked={given}
          onChange={(event) => setGiven(event.currentTarget.checked)}
        />
        <Group>
          <Button disabled={!given} onClick={done}>
            {states.close}
          </Button>
        </Group>
      </Stack>
    </Panel>
  );
}
