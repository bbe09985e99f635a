// The clock that limits are counted by, and a person's word that it is right.
import { Alert, Stack, Text, TextInput } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api } from '../../api/client';
import { useCan } from '../../app/can';
import { account as a } from '../../text/account';
import { Asked } from '../../ui/Asked';
import { At } from '../../ui/bits';
import { Confirm } from '../../ui/Confirm';
import { Guarded } from '../../ui/Guarded';
import { Panel } from '../../ui/Page';

export function Clock() {
  const may = useCan();
  const queries = useQueryClient();
  const [asking, setAsking] = useState(false);
  const [reason, setReason] = useState('');
  const query = api.useQuery('get', '/api/v1/clock', {}, { refetchInterval: 15_000 });
  const confirm = api.useMutation('post', '/api/v1/clock/confirm', {
    onSuccess: () => {
      setAsking(false);
      setReason('');
      void queries.invalidateQueries({ queryKey: ['get', '/api/v1/clock'] });
      void queries.invalidateQueries({ queryKey: ['get', '/api/v1/health/detail'] });
    },
  });
  return (
    <Panel title={a.clock}>
      <Asked query={query} lines={2}>
        {({ believed, doubt, counted_at: counted }) => (
          <Stack gap="sm" align="flex-start">
            {doubt ? (
              <Alert color="red">
                {a.clockDoubt[doubt.reason as keyof typeof a.clockDoubt]?.(doubt.seconds)}{' '}
                {a.clockSince} <At at={doubt.since} as="moment" />. {a.clockFollows}
              </Alert>
            ) : (
              <Text size="sm">
                {a.clockBelieved} <At at={counted} as="moment" />.
              </Text>
            )}
            <Guarded
              may={may('clock_confirm')}
              not={believed && a.clockNothing}
              variant="default"
              onClick={() => setAsking(true)}
            >
              {a.clockConfirm}
            </Guarded>
          </Stack>
        )}
      </Asked>
      <Confirm
        open={asking}
        close={() => setAsking(false)}
        title={a.clockConfirm}
        text={a.clockConfirmText}
        go={a.clockConfirm}
        pending={confirm.isPending}
        error={confirm.error}
        onGo={() => confirm.mutate({ body: { reason } })}
      >
        <TextInput
          label={a.clockReason}
          value={reason}
          maxLength={500}
          required
          onChange={(event) => setReason(event.currentTarget.value)}
        />
      </Confirm>
    </Panel>
  );
}
