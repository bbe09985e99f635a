// The list of keys, on `?`.
import { Kbd, Modal, Table, Text } from '@mantine/core';
import { t } from '../text/core';

export default function KeyList({ close }: { close: () => void }) {
  return (
    <Modal
      opened
      onClose={close}
      title={t.shell.keys.title}
      closeButtonProps={{ 'aria-label': t.states.close }}
    >
      <Table>
        <Table.Tbody>
          {t.shell.keys.list.map(([key, what]) => (
            <Table.Tr key={key}>
              <Table.Td>
                <Kbd>{key}</Kbd>
              </Table.Td>
              <Table.Td>{what}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
      <Text size="sm" mt="sm">
        {t.shell.keys.note}
      </Text>
    </Modal>
  );
}
