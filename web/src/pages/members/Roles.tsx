// The table of roles as people read it. What anybody may do, the server says with each thing.
import { Stack, Table, Text } from '@mantine/core';
import { people as p } from '../../text/people';
import { can } from '../../text/shell';

const ROLES = ['viewer', 'policy_manager', 'admin'];

export function Roles() {
  return (
    <Stack className="cs-panel">
      <Text size="sm">{p.rolesAbout}</Text>
      <Table.ScrollContainer minWidth={460} type="native" tabIndex={0}>
        <Table aria-label={p.tabs.roles}>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>{p.rolesMay}</Table.Th>
              {ROLES.map((role) => (
                <Table.Th key={role}>{can.role(role)}</Table.Th>
              ))}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {p.roleTable.map(([what, least]) => (
              <Table.Tr key={what}>
                <Table.Td>{what}</Table.Td>
                {ROLES.map((role, at) => (
                  <Table.Td key={role}>{at >= least ? p.yes : ''}</Table.Td>
                ))}
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
    </Stack>
  );
}
