// One's own sessions, and the ways out of them.
import { Group, Stack, Table, Text } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api } from '../../api/client';
import { useCan } from '../../app/can';
import { useLeave } from '../../app/leave';
import { account as a } from '../../text/account';
import { states } from '../../text/shell';
import { Asked } from '../../ui/Asked';
import { At } from '../../ui/bits';
import { Confirm } from '../../ui/Confirm';
import { Guarded } from '../../ui/Guarded';
import { Panel } from '../../ui/Page';
import { ProblemView } from '../../ui/ProblemView';

export function Sessions() {
  const queries = useQueryClient();
  const may = useCan();
  const query = api.useQuery('get', '/api/v1/sessions', {});
  const [sure, setSure] = useState(false);
  const end = api.useMutation('delete', '/api/v1/sessions/{id}', {
    onSuccess: () => void queries.invalidateQueries({ queryKey: ['get', '/api/v1/sessions'] }),
  });
  const { everywhere: endAll } = useLeave();
  return (
    <Panel title={a.session}>
      <Stack gap="sm">
        <Text size="sm" c="dimmed">
          {a.sessionAbout}
        </Text>
        <Asked query={query}>
          {({ items }) => (
            <Table.ScrollContainer minWidth={480} type="native" tabIndex={0}>
              <Table aria-label={a.session}>
                <Table.Thead>
                  <Table.Tr>
                    {[a.by, a.since, a.seen, a.from].map((name) => (
                      <Table.Th key={name}>{name}</Table.Th>
                    ))}
                    <Table.Th>
                      <span className="cs-unseen">{a.endSession}</span>
                    </Table.Th>
                  </Table.Tr>
                </Table.Thead>
                <Table.Tbody>
                  {items.map((one) => (
                    <Table.Tr key={one.id}>
                      <Table.Td>{a.method[one.method] ?? one.method}</Table.Td>
                      <Table.Td>
                        <At at={one.created_at} as="distance" />
                      </Table.Td>
                      <Table.Td>
                        <At at={one.seen_at} as="distance" />
                      </Table.Td>
                      <Table.Td style={{ maxWidth: 280 }}>
                        {one.address ?? states.none}
                        <Text size="xs" c="dimmed" lineClamp={2}>
                          {one.agent}
                        </Text>
                      </Table.Td>
                      <Table.Td>
                        {one.current ? (
                          <Text size="sm">{a.here}</Text>
                        ) : (
                          <Guarded
                            may={may('sessions_close_one')}
                            size="xs"
                            variant="default"
                            loading={end.isPending}
                            onClick={() => end.mutate({ params: { path: { id: one.id } } })}
                          >
                            {a.endSession}
                          </Guarded>
                        )}
                      </Table.Td>
                    </Table.Tr>
                  ))}
                </Table.Tbody>
              </Table>
            </Table.ScrollContainer>
          )}
        </Asked>
        {end.error && <ProblemView error={end.error} />}
        <Group>
          <Guarded may={may('sessions_close')} variant="default" onClick={() => setSure(true)}>
            {a.endAll}
          </Guarded>
        </Group>
      </Stack>
      <Confirm
        open={sure}
        close={() => setSure(false)}
        title={a.endAll}
        text={a.endAllText}
        go={a.endAll}
        pending={endAll.isPending}
        error={endAll.error}
        onGo={() => endAll.mutate({})}
      />
    </Panel>
  );
}
