// Groups: whom rules ask to approve.
import { Button, Checkbox, Group, Modal, Stack, Text, TextInput } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { api, http, type Schemas } from '../../api/client';
import { ALL } from '../../api/whole';
import { useCan } from '../../app/can';
import { ifMatch } from '../../app/etag';
import { beside } from '../../lib/beside';
import { people as p } from '../../text/people';
import { states } from '../../text/shell';
import { Asked, Empty } from '../../ui/Asked';
import { Confirm } from '../../ui/Confirm';
import { Guarded } from '../../ui/Guarded';
import { Panel } from '../../ui/Page';
import { type Apart, Theirs } from '../../ui/Theirs';

type OneGroup = Schemas['GroupOut'];

export function Groups() {
  const may = useCan();
  const queries = useQueryClient();
  const query = api.useQuery('get', '/api/v1/groups', ALL);
  const [editing, setEditing] = useState<OneGroup | 'new'>();
  const [ending, setEnding] = useState<OneGroup>();
  const done = () => {
    setEditing(undefined);
    setEnding(undefined);
    void queries.invalidateQueries({ queryKey: ['get', '/api/v1/groups'] });
  };
  const end = api.useMutation('delete', '/api/v1/groups/{id}', { onSuccess: done });
  const make = (
    <Guarded may={may('groups_create')} onClick={() => setEditing('new')}>
      {p.makeGroup}
    </Guarded>
  );
  return (
    <Stack>
      <Group justify="space-between">
        <Text size="sm" c="dimmed">
          {p.groupsAbout}
        </Text>
        {make}
      </Group>
      <Asked query={query}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty title={p.noGroups} text={p.noGroupsText}>
              {make}
            </Empty>
          ) : (
            items.map((group) => (
              <Panel
                key={group.id}
                title={group.name}
                aside={
                  <Group gap="xs">
                    <Guarded
                      may={may('groups_update')}
                      size="xs"
                      variant="default"
                      onClick={() => setEditing(group)}
                    >
                      {p.editGroup(group.name)}
                    </Guarded>
                    <Guarded
                      may={may('groups_delete')}
                      size="xs"
                      variant="default"
                      onClick={() => setEnding(group)}
                    >
                      {p.deleteGroup(group.name)}
                    </Guarded>
                  </Group>
                }
              >
                <Text size="sm" style={{ overflowWrap: 'anywhere' }}>
                  {group.members.map((one) => one.name).join(', ') || p.nobodyIn}
                </Text>
              </Panel>
            ))
          )
        }
      </Asked>
      <Modal
        opened={editing !== undefined}
        onClose={() => setEditing(undefined)}
        title={editing && editing !== 'new' ? p.editGroup(editing.name) : p.makeGroup}
        closeButtonProps={{ 'aria-label': states.close }}
      >
        {editing && <Form group={editing === 'new' ? undefined : editing} done={done} />}
      </Modal>
      {ending && (
        <Confirm
          open
          close={() => setEnding(undefined)}
          title={p.deleteGroup(ending.name)}
          text={p.deleteSure(ending.name)}
          go={p.deleteGroup(ending.name)}
          pending={end.isPending}
          error={end.error}
          onGo={() =>
            end.mutate({
              params: { path: { id: ending.id }, header: { 'If-Match': ifMatch(ending.revision) } },
            })
          }
        />
      )}
    </Stack>
  );
}

const valuesOf = ({ name, members }: OneGroup) => ({
  name,
  members: members.map((one) => one.id).sort(),
});

function Form({ group: first, done }: { group: OneGroup | undefined; done: () => void }) {
  const [group, setGroup] = useState(first);
  const [apart, setApart] = useState<Apart[]>();
  const members = api.useQuery('get', '/api/v1/members', ALL);
  const [name, setName] = useState(group?.name ?? '');
  const [chosen, setChosen] = useState(() => new Set(group?.members.map((one) => one.id)));
  const create = api.useMutation('post', '/api/v1/groups', { onSuccess: done });
  const update = api.useMutation('put', '/api/v1/groups/{id}', { onSuccess: done });
  const send = (event: FormEvent) => {
    event.preventDefault();
    const body = { name, members: [...chosen] };
    if (!group) create.mutate({ body });
    else
      update.mutate({
        params: { path: { id: group.id }, header: { 'If-Match': ifMatch(group.revision) } },
        body,
      });
  };
  const load = async () => {
    if (!group) return;
    const { data } = await http.GET('/api/v1/groups/{id}', {
      params: { path: { id: group.id } },
    });
    if (!data) return;
    const mine = { name, members: [...chosen].sort() };
    const merged = beside(valuesOf(group), mine, valuesOf(data));
    const called = new Map(
      [...data.members, ...(members.data?.items ?? [])].map((one) => [one.id, one.name]),
    );
    const names = (ids: string[]) => ids.map((id) => called.get(id) ?? id).join(', ');
    const rows: Record<keyof typeof mine, Apart> = {
      name: [p.groupName, data.name, name],
      members: [p.members, names(valuesOf(data).members), names(mine.members)],
    };
    setApart(merged.apart.map((field) => rows[field]));
    setName(merged.kept.name);
    setChosen(new Set(merged.kept.members));
    setGroup(data);
    update.reset();
  };
  const error: unknown = create.error ?? update.error;
  return (
    <form onSubmit={send}>
      <Stack gap="sm">
        <TextInput
          label={p.groupName}
          description={p.groupNameAbout}
          required
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
          data-autofocus
        />
        <Checkbox.Group
          label={p.members}
          value={[...chosen]}
          onChange={(ids) => setChosen(new Set(ids))}
        >
          <Stack gap="xs" mt="xs">
            {(members.data?.items ?? [])
              .filter((one) => one.state !== 'removed' || chosen.has(one.id))
              .map((one) => (
                <Checkbox key={one.id} value={one.id} label={`${one.name} · ${one.email}`} />
              ))}
          </Stack>
        </Checkbox.Group>
        <Theirs error={error} load={load} apart={apart} />
        <Group>
          <Button type="submit" loading={create.isPending || update.isPending}>
            {p.save}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
