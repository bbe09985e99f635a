// Taking an approval back: for admins, with a reason.
import { TextInput } from '@mantine/core';
import { useState } from 'react';
import { api } from '../../api/client';
import type { Permission } from '../../app/can';
import { approvals } from '../../text/approvals';
import { Confirm } from '../../ui/Confirm';
import { Guarded } from '../../ui/Guarded';

const o = approvals.one;

export function Withdraw({ id, may, done }: { id: string; may: Permission; done: () => void }) {
  const [asking, setAsking] = useState(false);
  const [reason, setReason] = useState('');
  const withdraw = api.useMutation('post', '/api/v1/approvals/{id}/withdraw', {
    onSuccess: () => {
      setAsking(false);
      done();
    },
  });
  return (
    <div>
      <Guarded may={may} size="xs" variant="default" onClick={() => setAsking(true)}>
        {o.withdraw}
      </Guarded>
      <Confirm
        open={asking}
        close={() => setAsking(false)}
        title={o.withdrawTitle}
        text={o.withdrawText}
        go={o.withdraw}
        pending={withdraw.isPending}
        error={withdraw.error}
        onGo={() => withdraw.mutate({ params: { path: { id } }, body: { reason } })}
      >
        <TextInput
          label={o.withdrawReason}
          required
          maxLength={500}
          value={reason}
          onChange={(event) => setReason(event.currentTarget.value)}
        />
      </Confirm>
    </div>
  );
}
