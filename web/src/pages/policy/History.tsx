// The versions of a policy: who published them, and how to go back to one.
import { Group, Stack, Table } from '@mantine/core';
import { useState } from 'react';
import { api, type Schemas } from '../../api/client';
import { WHOLE } from '../../api/whole';
import { useCan } from '../../app/can';
import { to } from '../../app/links';
import { notice } from '../../app/notices';
import { t } from '../../text';
import { Asked, Empty } from '../../ui/Asked';
import { At, Go } from '../../ui/bits';
import { Guarded } from '../../ui/Guarded';
import { ProblemView } from '../../ui/ProblemView';
import { type Draft, loadLive } from './draft';
import { editing } from './Kept';

const h = t.policies.history;

interface Props {
  policy: Schemas['PolicyOut'];
  draft: Draft;
  /** Opens the review of the draft. */
  review: () => void;
}

export function History({ policy, draft, review }: Props) {
  const may = useCan();
  const query = api.useQuery('get', '/api/v1/policies/{id}/versions', {
    params: { path: { id: policy.id }, query: WHOLE },
  });
  const [failed, setFailed] = useState<{ number: number; error: unknown }>();
  const restore = async (number: number) => {
    setFailed(undefined);
    try {
      const old = await loadLive(policy.id, { latest: number, blank: '' });
      draft.begin(old);
      notice({ message: h.restored(number) });
      review();
    } catch (error) {
      setFailed({ number, error });
    }
  };
  return (
    <Asked query={query}>
      {({ items }) =>
        items.length === 0 ? (
          <Empty title={h.none} text={t.policies.empty} />
        ) : (
          <Stack>
            {failed && (
              <ProblemView error={failed.error} retry={() => void restore(failed.number)} />
            )}
            <Table.ScrollContainer minWidth={520} type="native" className="cs-panel" tabIndex={0}>
              <Table aria-label={t.policies.tabs.history}>
                <Table.Thead>
                  <Table.Tr>
                    {[h.version, h.at, h.author, h.note, h.back].map((name) => (
                      <Table.Th key={name}>{name}</Table.Th>
                    ))}
                  </Table.Tr>
                </Table.Thead>
                <Table.Tbody>
                  {items.map((version) => (
                    <Table.Tr key={version.number}>
                      <Table.Td>
                        <Go {...to.version(policy.name, version.number)}>{`v${version.number}`}</Go>{' '}
                        {version.number === policy.latest && h.live}
                      </Table.Td>
                      <Table.Td>
                        <At at={version.published_at} as="moment" />
                      </Table.Td>
                      <Table.Td>{version.author}</Table.Td>
                      <Table.Td>{version.note || t.states.none}</Table.Td>
                      <Table.Td>
                        {version.number !== policy.latest && (
                          <Group>
                            <Guarded
                              may={editing(policy, may('draft_put'))}
                              size="xs"
                              variant="default"
                              onClick={() => void restore(version.number)}
                            >
                              {h.restore(version.number)}
                            </Guarded>
                          </Group>
                        )}
                      </Table.Td>
                    </Table.Tr>
                  ))}
                </Table.Tbody>
              </Table>
            </Table.ScrollContainer>
          </Stack>
        )
      }
    </Asked>
  );
}
