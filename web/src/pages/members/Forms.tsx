// The forms of members: inviting somebody, and changing who they are.
import { Button, Group, NativeSelect, Stack, Text, TextInput } from '@mantine/core';
import { type FormEvent, useState } from 'react';
import { api, http, type Schemas } from '../../api/client';
import { ifMatch } from '../../app/etag';
import { beside } from '../../lib/beside';
import { people as p } from '../../text/people';
import { can } from '../../text/shell';
import { ProblemView } from '../../ui/ProblemView';
import { type Apart, Theirs } from '../../ui/Theirs';

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

type Member = Schemas['MemberOut'];

const valuesOf = ({ name, email, role }: Member) => ({ name, email, role: role as Role });

export function ChangeForm({ member: first, done }: { member: Member; done: () => void }) {
  const [member, setMember] = useState(first);
  const [apart, setApart] = useState<Apart[]>();
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
  const load = async () => {
    const { data } = await http.GET('/api/v1/members/{id}', {
      params: { path: { id: member.id } },
    });
    if (!data) return;
    const merged = beside(valuesOf(member), { name, email, role }, valuesOf(data));
    const rows: Record<keyof typeof merged.kept, Apart> = {
      name: [p.ownName, data.name, name],
      email: [p.email, data.email, email],
      role: [p.role, can.role(data.role), can.role(role)],
    };
    setApart(merged.apart.map((field) => rows[field]));
    setName(merged.kept.name);
    setEmail(merged.kept.email);
    setRole(merged.kept.role);
    setMember(data);
    change.reset();
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
        <Theirs error={change.error} load={load} apart={apart} />
        <Group>
          <Button type="submit" loading={change.isPending}>
            {p.save}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
