// Who was turned away: counted, never one line each.
import { Stack, Table, Text } from '@mantine/core';
import { api } from '../../api/client';
import { audit as a } from '../../text/audit';
import { states } from '../../text/shell';
import { Asked, Newest } from '../../ui/Asked';
import { At } from '../../ui/bits';

export function Refusals() {
  const query = api.useQuery('get', '/api/v1/refusals', { params: { query: { limit: 200 } } });
  return (
    <Stack className="cs-panel">
      <Text size="sm" c="dimmed">
        {a.refusalsAbout}
      </Text>
      <Asked query={query}>
        {({ items }) =>
          items.length === 0 ? (
            <Text size="sm">{a.noRefusals}</Text>
          ) : (
            <Table.ScrollContainer minWidth={420} type="native" tabIndex={0}>
              <Table aria-label={a.tabs.refusals} className="cs-stack">
                <Table.Thead>
                  <Table.Tr>
                    {[a.columns.when, a.columns.from, a.reason, a.prefix, a.count].map((name) => (
                      <Table.Th key={name}>{name}</Table.Th>
                    ))}
                  </Table.Tr>
                </Table.Thead>
                <Table.Tbody>
                  {items.map((line) => (
                    <Table.Tr key={line.at + line.address + line.reason + line.token_prefix}>
                      <Table.Td data-label={a.columns.when}>
                        <At at={line.at} />
                      </Table.Td>
                      <Table.Td data-label={a.columns.from}>{line.address}</Table.Td>
                      <Table.Td data-label={a.reason}>{line.reason.replaceAll('_', ' ')}</Table.Td>
                      <Table.Td data-label={a.prefix} className="cs-mono">
                        {line.token_prefix ?? states.none}
                      </Table.Td>
                      <Table.Td data-label={a.count}>{line.count}</Table.Td>
                    </Table.Tr>
                  ))}
                </Table.Tbody>
              </Table>
            </Table.ScrollContainer>
          )
        }
      </Asked>
      <Newest of={query.data} />
    </Stack>
  );
}
