// All servers, and the form that adds one.
import { Modal, Table } from '@mantine/core';
import { api } from '../api/client';
import { ALL } from '../api/whole';
import { useCan } from '../app/can';
import { to } from '../app/links';
import { useNew } from '../app/opened';
import { t } from '../text';
import { Asked, Empty } from '../ui/Asked';
import { At, Go } from '../ui/bits';
import { Guarded } from '../ui/Guarded';
import { Page } from '../ui/Page';
import { ServerForm } from './servers/ServerForm';

const s = t.servers;

export function Servers() {
  const may = useCan();
  const [form, setForm] = useNew(may('servers_create'));
  const query = api.useQuery('get', '/api/v1/servers', ALL);
  const add = (
    <Guarded may={may('servers_create')} onClick={setForm.open}>
      {s.add}
    </Guarded>
  );
  return (
    <Page title={s.title} about={s.about} actions={add}>
      <Asked query={query}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty title={s.emptyTitle} text={s.empty}>
              {add}
            </Empty>
          ) : (
            <Table.ScrollContainer minWidth={560} type="native" className="cs-panel" tabIndex={0}>
              <Table aria-label={s.title}>
                <Table.Thead>
                  <Table.Tr>
                    {Object.values(s.columns).map((name) => (
                      <Table.Th key={name}>{name}</Table.Th>
                    ))}
                  </Table.Tr>
                </Table.Thead>
                <Table.Tbody>
                  {items.map((server) => (
                    <Table.Tr key={server.id}>
                      <Table.Td>
                        <Go {...to.server(server.slug)}>{server.name}</Go>
                      </Table.Td>
                      <Table.Td className="cs-mono">{server.url}</Table.Td>
                      <Table.Td>
                        {server.health === 'ok' ? s.ok : (server.health ?? s.neverProbed)}{' '}
                        {server.probed_at && <At at={server.probed_at} as="distance" />}
                      </Table.Td>
                      <Table.Td>{server.version ?? t.states.none}</Table.Td>
                      <Table.Td>{server.enabled ? s.yes : s.no}</Table.Td>
                    </Table.Tr>
                  ))}
                </Table.Tbody>
              </Table>
            </Table.ScrollContainer>
          )
        }
      </Asked>
      <Modal
        opened={form}
        onClose={setForm.close}
        title={s.add}
        closeButtonProps={{ 'aria-label': t.states.close }}
      >
        <ServerForm />
      </Modal>
    </Page>
  );
}
