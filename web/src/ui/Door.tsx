// The frame of the few pages that nobody has to be signed in for.
import { Stack, Text, Title } from '@mantine/core';
import { type ReactNode, useEffect } from 'react';
import { shell } from '../text/shell';

export function Door({ title, children }: { title: string; children: ReactNode }) {
  useEffect(() => {
    document.title = `${title} · ${shell.product}`;
  }, [title]);
  return (
    <main style={{ maxWidth: 420, margin: '6vh auto', padding: 16 }}>
      <Stack className="cs-panel" p="lg">
        <Text fw={700} c="dimmed" size="sm">
          {shell.product}
        </Text>
        <Title order={1} size="h3">
          {title}
        </Title>
        {children}
      </Stack>
    </main>
  );
}
