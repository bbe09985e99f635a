// The forms of members: inviting somebody, and changing who they are.
import { Button, Group, NativeSelect, Stack, Text, TextInput } from '@mantine/core';
import { type FormEvent, useState } from 'react';
import { api, type Schemas } from '../../api/client';
import { ifMatch } from '../../app/etag';
import { people as p } from '../../text/people';
import { can } from '../../text/shell';
import { ProblemView } from '../../ui/ProblemView';

type Role = Schemas['RoleName'];
const ROLES: Role[] = ['viewer', 'policy_manager', 'admin'];
const roleData = ROLES.map((value) => ({ value, label: can.role(value) }));

export function InviteForm({ done }: { done: (made: Schemas['Invited']) => void }) {
  const [given, setGiven] = useState({ email: '', name: '', role: 'viewer' as Role });
  const invite = api.useMutation('post', '/api/v1/members', { onSuccess: done });
  const send = (event: FormEvent) => {
    event.preventDefault();
    const { email, name, role } = given;
    invite.mutate({ body: { email, role, ...(name ? { name } : {}) } });
  };
  return (
    <form onSubmit={send}>
      <Stack gap="sm">
        <TextInput
          label={p.email}
          type="email"
          required
          autoComplete="off"
          value={given.email}
          onChange={(event) => setGiven({ ...given, email: event.currentTarget.value })}
          data-autofocus
        />
        <TextInput
          label={p.name}
          autoComplete="off"
          value={given.name}
          onChange={(event) => setGiven({ ...given, name: event.currentTarget.value })}
        />
        <NativeSelect
          label={p.role}
          description={p.roleAbout}
          data={roleData}
          value={given.role}
          onChange={(event) => setGiven({ ...given, role: event.currentTarget.value as Role })}
        />
        {invite.error && <ProblemView error={invite.error} />}
        <Group>
          <Button type="submit" loading={invite.isPending}>
            {p.invite}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

export function ChangeForm({ member, done }: { member: Schemas['MemberOut']; done: () => void }) {
  const [name, setName] = useState(member.name);
  const [email, setEmail] = useState(member.email);
  const [role, setRole] = useState(member.role as Role);
  const change = api.useMutation('put', '/api/v1/members/{id}', { onSuccess: done });
  const send = (event: FormEvent) => {
    event.preventDefault();
    change.mutate({
      params: { path: { id: member.id }, header: { 'If-Match': ifMatch(member.revision) } },
      body: {
        ...(name !== member.name ? { name } : {}),
        ...(email !== member.email ? { email } : {}),
        ...(role !== member.role ? { role } : {}),
      },
    });
  };
  return (
    <form onSubmit={send}>
      <Stack gap="sm">
        <TextInput
          label={p.ownName}
          required
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
        />
        <TextInput
          label={p.email}
          type="email"
          required
          value={email}
          onChange={(event) => setEmail(event.currentTarget.value)}
        />
        <NativeSelect
          label={p.role}
          data={roleData}
          value={role}
          onChange={(event) => setRole(event.currentTarget.value as Role)}
        />
        {ROLES.indexOf(role) < ROLES.indexOf(member.role as Role) && (
          <Text size="sm">{p.lowered}</Text>
        )}
        {change.error && <ProblemView error={change.error} />}
        <Group>
          <Button type="submit" loading={change.isPending}>
            {p.save}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
