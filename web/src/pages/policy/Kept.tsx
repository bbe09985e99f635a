// A policy that is kept in files: looked at here, changed there, until somebody deliberately takes it over.
import { Alert, Group, Text } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api, type Schemas } from '../../api/client';
import { type Permission, useCan } from '../../app/can';
import { notice } from '../../app/notices';
import { t } from '../../text';
import { Confirm } from '../../ui/Confirm';
import { Guarded } from '../../ui/Guarded';

const k = t.policies.kept;

/** What somebody may do to the text of a policy: nothing here while it is kept in files. */
export function editing(policy: Schemas['PolicyOut'], may: Permission): Permission {
  if (!may.allowed || !policy.kept_in) return may;
  return { ...may, allowed: false, reason: k.sentence(policy.kept_in) };
}

/** Says where the policy is kept, and how to take it over. */
export function Kept({ policy, place }: { policy: Schemas['PolicyOut']; place: string }) {
  const may = useCan();
  const queries = useQueryClient();
  const [asking, setAsking] = useState(false);
  const release = api.useMutation('put', '/api/v1/policies/{id}/kept-in', {
    onSuccess: () => {
      notice({ message: k.released(policy.name) });
      setAsking(false);
      void queries.invalidateQueries({ queryKey: ['get'] });
    },
  });
  return (
    <Alert color="gray" role="note">
      <Group justify="space-between">
        <Text size="sm">{k.sentence(place)}</Text>
        <Guarded
          may={may('policies_keep_in')}
          size="xs"
          variant="default"
          onClick={() => setAsking(true)}
        >
          {k.release}
        </Guarded>
      </Group>
      <Confirm
        open={asking}
        close={() => setAsking(false)}
        title={k.title(policy.name)}
        text={k.text(place)}
        go={k.go}
        pending={release.isPending}
        error={release.error}
        onGo={() => release.mutate({ params: { path: { id: policy.id } }, body: { place: null } })}
      />
    </Alert>
  );
}
