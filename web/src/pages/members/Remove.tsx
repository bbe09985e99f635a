// Removing a member: what becomes of each grant they answer for is said in the same step.
import { NativeSelect, Stack, Text } from '@mantine/core';
import { useState } from 'react';
import { api, type Schemas } from '../../api/client';
import { ALL } from '../../api/whole';
import { ifMatch } from '../../app/etag';
import { answersFor } from '../../lib/owners';
import { people as p } from '../../text/people';
import { Confirm } from '../../ui/Confirm';

type Member = Schemas['MemberOut'];
const REVOKE = '';

interface Props {
  member: Member;
  others: Member[];
  close: () => void;
  done: () => void;
}

export function Remove({ member, others, close, done }: Props) {
  const grants = api.useQuery('get', '/api/v1/grants', ALL);
  const theirs = answersFor(member, grants.data?.items ?? []);
  const [fates, setFates] = useState<Record<string, string>>({});
  const remove = api.useMutation('post', '/api/v1/members/{id}/remove', { onSuccess: done });
  return (
    <Confirm
      open
      close={close}
      title={p.removeTitle(member.name)}
      text={p.removeText}
      typed={member.email}
      go={p.remove}
      pending={remove.isPending}
      error={remove.error}
      onGo={() =>
        remove.mutate({
          params: { path: { id: member.id }, header: { 'If-Match': ifMatch(member.revision) } },
          body: {
            grants: theirs.map((grant) => ({
              grant: grant.id,
              owner: fates[grant.id] || null,
            })),
          },
        })
      }
    >
      {theirs.length > 0 && (
        <Stack gap="xs">
          <Text size="sm" fw={600}>
            {p.grants}
          </Text>
          {theirs.map((grant) => (
            <NativeSelect
              key={grant.id}
              label={grant.label}
              value={fates[grant.id] ?? REVOKE}
              onChange={(event) => setFates({ ...fates, [grant.id]: event.currentTarget.value })}
              data={[
                { value: REVOKE, label: p.revoke },
                ...others.map((one) => ({ value: one.id, label: p.keepFor(one.name) })),
              ]}
            />
          ))}
        </Stack>
      )}
    </Confirm>
  );
}
