// How agents reach a server: the two credentials, on either side of the gateway, and what stops in it.
import { List, Stack, Text } from '@mantine/core';
import type { Schemas } from '../../api/client';
import { to } from '../../app/links';
import { t } from '../../text';
import { Go, Snippet } from '../../ui/bits';
import { Panel } from '../../ui/Page';

const c = t.servers.connect;

export function Connect({ server }: { server: Schemas['ServerOut'] }) {
  return (
    <Stack mb="md">
      <Panel title={c.two}>
        <div
          style={{
            display: 'grid',
            gap: 12,
            gridTemplateColumns: 'repeat(auto-fit, minmax(180px, 1fr))',
          }}
        >
          {[
            [c.agentSide, c.agentText],
            [c.gateway, '⇄'],
            [c.serverSide, c.serverText],
          ].map(([title, text]) => (
            <div key={title} className="cs-panel" style={{ textAlign: 'center' }}>
              <Text fw={600} size="sm">
                {title}
              </Text>
              <Text size="sm" c="dimmed">
                {text}
              </Text>
            </div>
          ))}
        </div>
      </Panel>
      <Panel title={c.address}>
        <Snippet text={server.gateway_url} label={c.address} />
        <Text size="sm" mt="sm">
          {c.grantHint} <Go {...to.grants()}>{c.toGrants}</Go>
        </Text>
      </Panel>
      <Panel title={c.stops}>
        <Text size="sm">{c.stopsAbout}</Text>
        <List size="sm" mt="xs">
          {c.stopped.map((name) => (
            <List.Item key={name}>{name}</List.Item>
          ))}
        </List>
      </Panel>
    </Stack>
  );
}
