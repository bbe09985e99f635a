// Ready snippets for each client, per server the grant reaches.
import { SegmentedControl, Stack, Text } from '@mantine/core';
import { useState } from 'react';
import type { Schemas } from '../../api/client';
import { type Client, snippet } from '../../lib/snippets';
import { t } from '../../text';
import { Snippet } from '../../ui/bits';

interface Props {
  grant: Schemas['GrantOut'];
  token: string;
  /** What stands on the screen in its place. */
  shown?: string;
}

export function Snippets({ grant, token, shown = token }: Props) {
  const [client, setClient] = useState<Client>('claude');
  return (
    <Stack gap="xs">
      <div style={{ overflowX: 'auto' }}>
        <SegmentedControl
          value={client}
          onChange={(value) => setClient(value as Client)}
          data={Object.entries(t.grants.clients).map(([value, label]) => ({ value, label }))}
          aria-label={t.grants.detail.connect}
        />
      </div>
      {grant.servers.map((reach) => (
        <Stack key={reach.server.id} gap={4}>
          <Text size="sm" fw={600}>
            {reach.server.name}
          </Text>
          <Snippet
            text={snippet(client, reach.server.name, reach.gateway_url, shown)}
            copied={snippet(client, reach.server.name, reach.gateway_url, token)}
            label={`${t.grants.clients[client]}, ${reach.server.name}`}
          />
        </Stack>
      ))}
    </Stack>
  );
}
