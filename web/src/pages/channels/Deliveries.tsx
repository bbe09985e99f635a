// The messages of a channel, and what became of each, in words.
import { Group, NativeSelect, Stack, Table, Text } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { type ReactNode, useState } from 'react';
import { api, type Schemas } from '../../api/client';
import { useCan } from '../../app/can';
import { to } from '../../app/links';
import { channels as c } from '../../text/channels';
import { states } from '../../text/shell';
import { Asked, Newest } from '../../ui/Asked';
import { At, Go } from '../../ui/bits';
import { Guarded } from '../../ui/Guarded';
import { Panel } from '../../ui/Page';
import { ProblemView } from '../../ui/ProblemView';
import { Word } from '../../ui/Word';

type Delivery = Schemas['DeliveryOut'];
const LIST = '/api/v1/channels/{id}/deliveries';

/** The newest message of a channel; asked again while one waits. */
export function useLast(id: string) {
  return api.useQuery(
    'get',
    LIST,
    { params: { path: { id }, query: { limit: 1 } } },
    {
      refetchInterval: ({ state }) => (state.data?.items[0]?.state === 'waiting' ? 2_000 : 30_000),
    },
  );
}

/** What became of a message. */
export function Fate({ of }: { of: Delivery }) {
  const end = of.ended_at ?? of.tried_at;
  const why = of.told && <Text size="xs">{of.told}</Text>;
  if (of.state === 'delivered')
    return (
      <>
        <Word kind="allowed">{c.delivered}</Word> {end && <At at={end} as="distance" />}
      </>
    );
  if (of.state === 'dead')
    return (
      <>
        <Word kind="denied">{c.dead}</Word> {c.tries(of.attempts)}
        {why}
      </>
    );
  return (
    <>
      <Word kind="waiting">{c.waiting}</Word>{' '}
      {of.attempts === 0 ? (
        c.firstTry
      ) : (
        <>
          {c.tries(of.attempts)}
          {of.next_at && (
            <>
              , {c.nextTry} <At at={of.next_at} as="distance" />
            </>
          )}
        </>
      )}
      {why}
    </>
  );
}

const eventOf = (event: string): string =>
  event === 'test' ? c.testMessage : (c.events[event.replace('approval.', '')] ?? event);

const STATES = ['waiting', 'dead', 'delivered'] as const;

export function Deliveries({
  channel,
  aside,
}: {
  channel: Schemas['ChannelOut'];
  aside: ReactNode;
}) {
  const may = useCan();
  const queries = useQueryClient();
  const [state, setState] = useState('');
  const query = api.useQuery(
    'get',
    LIST,
    { params: { path: { id: channel.id }, query: { limit: 100, ...(state ? { state } : {}) } } },
    { refetchInterval: 5_000 },
  );
  const retry = api.useMutation('post', '/api/v1/channels/{id}/deliveries/{message}/retry', {
    onSuccess: () => void queries.invalidateQueries({ queryKey: ['get', LIST] }),
  });
  return (
    <Panel title={c.messagesOf(channel.name)} aside={aside}>
      <Stack gap="sm">
        <Group justify="space-between" align="flex-end">
          <Text size="sm" c="dimmed">
            {c.messagesAbout}
          </Text>
          <NativeSelect
            label={c.show}
            value={state}
            onChange={(event) => setState(event.currentTarget.value)}
            data={[
              { value: '', label: c.states.all },
              ...STATES.map((value) => ({ value, label: c.states[value] })),
            ]}
          />
        </Group>
        {retry.error && <ProblemView error={retry.error} />}
        <Asked query={query} lines={2}>
          {({ items }) =>
            items.length === 0 ? (
              <Text size="sm">{state ? c.none : c.noMessages}</Text>
            ) : (
              <Table.ScrollContainer minWidth={560} type="native" pos="relative" tabIndex={0}>
                <Table aria-label={c.messagesOf(channel.name)} verticalSpacing="sm">
                  <Table.Thead>
                    <Table.Tr>
                      {[c.message.at, c.message.what, c.message.about, c.message.state].map(
                        (name) => (
                          <Table.Th key={name}>{name}</Table.Th>
                        ),
                      )}
                      <Table.Th>
                        <span className="cs-unseen">{c.message.act}</span>
                      </Table.Th>
                    </Table.Tr>
                  </Table.Thead>
                  <Table.Tbody>
                    {items.map((one) => (
                      <Table.Tr key={one.message}>
                        <Table.Td>
                          <At at={one.created_at} as="distance" />
                        </Table.Td>
                        <Table.Td>{eventOf(one.event)}</Table.Td>
                        <Table.Td>
                          {one.approval ? (
                            <Go {...to.approval(one.approval)} className="cs-mono">
                              {one.approval.slice(0, 12)}…
                            </Go>
                          ) : (
                            states.none
                          )}
                        </Table.Td>
                        <Table.Td maw={320}>
                          <Fate of={one} />
                        </Table.Td>
                        <Table.Td>
                          {one.state === 'dead' && (
                            <Guarded
                              may={may('channels_retry')}
                              size="xs"
                              variant="default"
                              loading={retry.isPending}
                              onClick={() =>
                                retry.mutate({
                                  params: { path: { id: channel.id, message: one.message } },
                                })
                              }
                            >
                              {c.retry}
                            </Guarded>
                          )}
                        </Table.Td>
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
    </Panel>
  );
}
