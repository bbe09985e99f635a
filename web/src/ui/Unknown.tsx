// Calls whose outcome nobody knows, and a person's final word about one.
import { Group, Radio, Stack, Text, TextInput } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api, type Schemas } from '../api/client';
import { useCan } from '../app/can';
import { to } from '../app/links';
import { formatDecimal } from '../lib/format';
import { unknown as u } from '../text/account';
import { At, Go } from './bits';
import { Confirm } from './Confirm';
import { Guarded } from './Guarded';

type Reservation = Schemas['ReservationOut'];
type Fate = Schemas['FateName'];

const held = (of: Reservation): string =>
  of.holds
    .map((hold) => {
      const per = hold.per.map((part) => ` ${part.value ?? ''}`).join('');
      return `${formatDecimal(hold.amount)} ${hold.counter}${per}`;
    })
    .join(', ');

/** The calls of a list, each with its button. */
export function UnknownCalls({ items }: { items: Reservation[] }) {
  return (
    <Stack gap="sm">
      {items.map((one) => (
        <Group key={one.call} justify="space-between" gap="sm">
          <Text size="sm" style={{ overflowWrap: 'anywhere', minWidth: 0 }}>
            <Go {...to.call(one.call)}>{one.tool ?? one.call}</Go>{' '}
            {one.grant && <>· {one.grant.name} </>}· <At at={one.at} as="distance" /> · {u.holds}{' '}
            {held(one)}
          </Text>
          <Resolve call={one.call} />
        </Group>
      ))}
    </Stack>
  );
}

export function Resolve({ call }: { call: string }) {
  const may = useCan();
  const queries = useQueryClient();
  const [asking, setAsking] = useState(false);
  const [fate, setFate] = useState<Fate | ''>('');
  const [reason, setReason] = useState('');
  const resolve = api.useMutation('post', '/api/v1/reservations/{id}/resolve', {
    onSuccess: () => {
      setAsking(false);
      void queries.invalidateQueries();
    },
  });
  return (
    <>
      <Guarded
        may={may('reservations_resolve')}
        size="xs"
        variant="default"
        onClick={() => setAsking(true)}
      >
        {u.resolve}
      </Guarded>
      <Confirm
        open={asking}
        close={() => setAsking(false)}
        title={u.title1}
        text={u.ask}
        go={u.go}
        pending={resolve.isPending}
        error={resolve.error}
        onGo={() =>
          fate !== '' &&
          resolve.mutate({ params: { path: { id: call } }, body: { as: fate, reason } })
        }
      >
        <Radio.Group
          value={fate}
          onChange={(value) => setFate(value as Fate)}
          aria-label={u.title1}
          required
        >
          <Stack gap="xs">
            <Radio value="settled" label={u.settled} required name="fate" />
            <Radio value="released" label={u.released} required name="fate" />
          </Stack>
        </Radio.Group>
        <TextInput
          label={u.reason}
          required
          maxLength={500}
          value={reason}
          onChange={(event) => setReason(event.currentTarget.value)}
        />
      </Confirm>
    </>
  );
}
