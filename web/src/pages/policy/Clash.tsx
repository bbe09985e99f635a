// Two people edited one draft: both texts side by side, and neither is lost.
import { Button, Group, Stack, Text, Title } from '@mantine/core';
import Compare from '../../editor/Compare';
import { formatTime } from '../../lib/format';
import { t } from '../../text';
import type { Draft } from './draft';

const c = t.policies.clash;

export default function Clash({ draft }: { draft: Draft }) {
  const theirs = draft.clash?.theirs;
  return (
    <section className="cs-panel" aria-label={c.title} role="alert">
      <Stack gap="sm">
        <Title order={2} size="h4">
          {c.title}
        </Title>
        <Text size="sm">{theirs ? c.about(theirs.author, formatTime(theirs.at)) : c.gone}</Text>
        {theirs && (
          <Compare a={theirs.text} b={draft.text} labels={[c.theirs(theirs.author), c.mine]} />
        )}
        <Group>
          <Button variant="default" onClick={() => draft.settle('mine')}>
            {c.keepMine}
          </Button>
          {theirs && (
            <Button variant="default" onClick={() => draft.settle('theirs')}>
              {c.takeTheirs(theirs.author)}
            </Button>
          )}
          <Text size="sm" c="dimmed">
            {c.undo}
          </Text>
        </Group>
      </Stack>
    </section>
  );
}
