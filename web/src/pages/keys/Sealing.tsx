// The keys that seal: which there are, how far a rotation has come, and the root key that wraps them.
import { Group, Progress, Stack, Table, Text } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api, type Schemas } from '../../api/client';
import { useCan } from '../../app/can';
import { notice } from '../../app/notices';
import { formatMoment, formatNumber } from '../../lib/format';
import { keyring as k } from '../../text/keyring';
import { Asked } from '../../ui/Asked';
import { At, Facts } from '../../ui/bits';
import { Confirm } from '../../ui/Confirm';
import { Guarded } from '../../ui/Guarded';
import { Panel } from '../../ui/Page';
import { ProblemView } from '../../ui/ProblemView';
import { progressOf, timeLeft } from './progress';

type Keyring = Schemas['KeyringOut'];

export function Sealing() {
  const may = useCan();
  const queries = useQueryClient();
  const [rotating, setRotating] = useState(false);
  const query = api.useQuery(
    'get',
    '/api/v1/keys',
    {},
    { refetchInterval: ({ state }) => (state.data?.rotating ? 1_000 : 30_000) },
  );
  const changed = () => void queries.invalidateQueries({ queryKey: ['get', '/api/v1/keys'] });
  const rotate = api.useMutation('post', '/api/v1/keys/rotate', {
    onSuccess: () => {
      setRotating(false);
      changed();
    },
  });
  return (
    <Stack>
      <Text size="sm" c="dimmed">
        {k.about}
      </Text>
      <Asked query={query}>
        {(ring) => (
          <>
            <Panel
              title={k.versions}
              aside={
                <Guarded
                  may={may('keys_rotate')}
                  not={ring.rotating && k.busy}
                  onClick={() => setRotating(true)}
                >
                  {k.rotate}
                </Guarded>
              }
            >
              <Stack gap="sm">
                {ring.active !== null && ring.active !== undefined && (
                  <Text size="sm">
                    {k.since(ring.active)}{' '}
                    {ring.active_since ? (
                      <>
                        {k.sinceAt} <At at={ring.active_since} as="moment" />
                      </>
                    ) : (
                      k.sinceStart
                    )}
                    .
                  </Text>
                )}
                <Rotation ring={ring} />
                <Versions ring={ring} changed={changed} />
              </Stack>
            </Panel>
            <RootKey ring={ring} changed={changed} />
          </>
        )}
      </Asked>
      <Confirm
        open={rotating}
        close={() => setRotating(false)}
        title={k.rotateTitle}
        text={k.rotateText}
        go={k.rotateGo}
        pending={rotate.isPending}
        error={rotate.error}
        onGo={() => rotate.mutate({})}
      />
    </Stack>
  );
}

function Rotation({ ring }: { ring: Keyring }) {
  const percent = progressOf(ring);
  return (
    <div role="status">
      {!ring.rotating ? (
        <Text size="sm">{k.idle}</Text>
      ) : (
        <Stack gap={4}>
          <Progress value={percent} aria-label={k.progress} color="blue.8" />
          <Text size="sm">
            {k.done(percent)}.{' '}
            {ring.remaining > 0 ? (
              <>
                {k.remaining(formatNumber(ring.remaining))}{' '}
                {k.rate(ring.per_second, timeLeft(ring))}
              </>
            ) : (
              k.finishing
            )}
          </Text>
          <Text size="sm" c="dimmed">
            {k.callsGoOn}
          </Text>
        </Stack>
      )}
      {ring.unopened > 0 && (
        <Text size="sm" c="var(--cs-denied)" fw={600}>
          {k.unopened(formatNumber(ring.unopened))}
        </Text>
      )}
    </div>
  );
}

function Versions({ ring, changed }: { ring: Keyring; changed: () => void }) {
  const may = useCan();
  const retire = api.useMutation('post', '/api/v1/keys/{id}/retire', { onSettled: changed });
  return (
    <>
      {retire.error && <ProblemView error={retire.error} />}
      <Table.ScrollContainer minWidth={520} type="native" pos="relative" tabIndex={0}>
        <Table aria-label={k.versions} verticalSpacing="sm">
          <Table.Thead>
            <Table.Tr>
              <Table.Th>{k.columns.key}</Table.Th>
              <Table.Th>{k.columns.state}</Table.Th>
              <Table.Th>{k.columns.records}</Table.Th>
              <Table.Th>
                <span className="cs-unseen">{k.columns.act}</span>
              </Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {[...ring.versions].reverse().map((one) => (
              <Table.Tr key={one.id}>
                <Table.Td>{one.id}</Table.Td>
                <Table.Td>
                  <Text size="sm" fw={600}>
                    {k.states[one.state] ?? one.state}
                  </Text>
                  <Text size="xs" c="dimmed">
                    {k.meaning[one.state]}
                  </Text>
                </Table.Td>
                <Table.Td>{formatNumber(one.records)}</Table.Td>
                <Table.Td>
                  {one.state === 'decrypt_only' && (
                    <Guarded
                      may={may('keys_retire')}
                      not={one.records > 0 && k.notYet(formatNumber(one.records))}
                      size="xs"
                      variant="default"
                      loading={retire.isPending}
                      onClick={() => retire.mutate({ params: { path: { id: one.id } } })}
                    >
                      {k.retireNow}
                    </Guarded>
                  )}
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
    </>
  );
}

function RootKey({ ring, changed }: { ring: Keyring; changed: () => void }) {
  const may = useCan();
  const [asking, setAsking] = useState(false);
  const replace = api.useMutation('post', '/api/v1/keys/root-key', {
    onSuccess: () => {
      setAsking(false);
      changed();
      notice({ message: k.replacedNote, autoClose: false });
    },
  });
  const { source, replaced_at: at, next } = ring.root_key;
  return (
    <Panel title={k.root}>
      <Stack gap="sm">
        <Text size="sm" c="dimmed">
          {k.rootAbout}
        </Text>
        <Facts
          of={[
            [k.source, source ?? k.unknown],
            [k.replaced, at ? formatMoment(at) : k.neverReplaced],
          ]}
        />
        <Group>
          <Guarded
            may={may('keys_root_key')}
            not={!next && k.noNext}
            variant="default"
            onClick={() => setAsking(true)}
          >
            {k.replace}
          </Guarded>
        </Group>
        {!next && (
          <Text size="sm" c="dimmed">
            {k.noNext}
          </Text>
        )}
      </Stack>
      <Confirm
        open={asking}
        close={() => setAsking(false)}
        title={k.replaceTitle}
        text={k.replaceText}
        go={k.replaceGo}
        pending={replace.isPending}
        error={replace.error}
        onGo={() => replace.mutate({})}
      />
    </Panel>
  );
}
