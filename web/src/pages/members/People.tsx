// The members: invited, changed, let in again, removed.
import { Checkbox, Group, Modal, Stack, Table } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api, type Schemas } from '../../api/client';
import { ALL } from '../../api/whole';
import { useCan } from '../../app/can';
import { useNew } from '../../app/opened';
import { people as p } from '../../text/people';
import { can, states } from '../../text/shell';
import { Asked } from '../../ui/Asked';
import { Confirm } from '../../ui/Confirm';
import { Guarded } from '../../ui/Guarded';
import { LinkOnce } from '../../ui/LinkOnce';
import { ChangeForm, InviteForm } from './Forms';
import { Remove } from './Remove';

type Member = Schemas['MemberOut'];
interface Link {
  name: string;
  path: string | null | undefined;
  note: string | null | undefined;
  endsAt: string;
}
interface Act {
  what: 'change' | 'link' | 'remove';
  member: Member;
}

export function People() {
  const may = useCan();
  const queries = useQueryClient();
  const query = api.useQuery('get', '/api/v1/members', ALL);
  const groups = api.useQuery('get', '/api/v1/groups', ALL);
  const me = api.useQuery('get', '/api/v1/me', {});
  const [inviting, setInviting] = useNew(may('members_invite'));
  const [act, setAct] = useState<Act>();
  const [link, setLink] = useState<Link>();
  const [removedToo, setRemovedToo] = useState(false);
  const close = () => {
    setAct(undefined);
    if (inviting) setInviting.close();
  };
  const done = () => {
    close();
    void queries.invalidateQueries({ queryKey: ['get', '/api/v1/members'] });
    void queries.invalidateQueries({ queryKey: ['get', '/api/v1/groups'] });
  };
  const invited = (made: Schemas['Invited']) => {
    setLink({
      name: made.member.name,
      path: made.path,
      note: made.note,
      endsAt: made.expires_at,
    });
    done();
  };
  const again = api.useMutation('post', '/api/v1/members/{id}/invite', { onSuccess: invited });
  const letIn = api.useMutation('post', '/api/v1/members/{id}/sign-in-link');
  const groupsOf = (member: Member) =>
    (groups.data?.items ?? [])
      .filter((group) => group.members.some((one) => one.id === member.id))
      .map((group) => group.name)
      .join(', ');

  return (
    <Stack>
      <Group justify="space-between">
        <Checkbox
          label={p.removedToo}
          checked={removedToo}
          onChange={(event) => setRemovedToo(event.currentTarget.checked)}
        />
        <Guarded may={may('members_invite')} onClick={setInviting.open}>
          {p.invite}
        </Guarded>
      </Group>
      {link && <LinkOnce {...link} done={() => setLink(undefined)} />}
      <Asked query={query}>
        {({ items }) => (
          <Table.ScrollContainer minWidth={760} type="native" className="cs-panel" tabIndex={0}>
            <Table aria-label={p.title} verticalSpacing="sm">
              <Table.Thead>
                <Table.Tr>
                  {Object.entries(p.columns).map(([key, name]) => (
                    <Table.Th key={key}>
                      {name || <span className="cs-unseen">{p.change}</span>}
                    </Table.Th>
                  ))}
                </Table.Tr>
              </Table.Thead>
              <Table.Tbody>
                {items
                  .filter((member) => removedToo || member.state !== 'removed')
                  .map((member) => (
                    <Table.Tr key={member.id}>
                      <Table.Td>
                        {member.name} {member.id === me.data?.member.id && `(${p.you})`}
                      </Table.Td>
                      <Table.Td>{member.email}</Table.Td>
                      <Table.Td>{can.role(member.role)}</Table.Td>
                      <Table.Td>{p.states[member.state] ?? member.state}</Table.Td>
                      <Table.Td>{groupsOf(member) || states.none}</Table.Td>
                      <Table.Td>
                        {member.state !== 'removed' && (
                          <Group gap="xs" wrap="nowrap" justify="flex-end">
                            <Guarded
                              may={may('members_update')}
                              size="xs"
                              variant="default"
                              onClick={() => setAct({ what: 'change', member })}
                            >
                              {p.change}
                            </Guarded>
                            {member.state === 'invited' ? (
                              <Guarded
                                may={may('members_reinvite')}
                                size="xs"
                                variant="default"
                                loading={again.isPending}
                                onClick={() =>
                                  again.mutate({
                                    params: { path: { id: member.id } },
                                    body: {},
                                  })
                                }
                              >
                                {p.again}
                              </Guarded>
                            ) : (
                              <Guarded
                                may={may('members_link')}
                                size="xs"
                                variant="default"
                                onClick={() => setAct({ what: 'link', member })}
                              >
                                {p.signInLink}
                              </Guarded>
                            )}
                            <Guarded
                              may={may('members_remove')}
                              size="xs"
                              variant="default"
                              onClick={() => setAct({ what: 'remove', member })}
                            >
                              {p.remove}
                            </Guarded>
                          </Group>
                        )}
                      </Table.Td>
                    </Table.Tr>
                  ))}
              </Table.Tbody>
            </Table>
          </Table.ScrollContainer>
        )}
      </Asked>
      <Modal
        opened={inviting || act?.what === 'change'}
        onClose={close}
        title={act?.what === 'change' ? p.changeTitle(act.member.name) : p.inviteTitle}
        closeButtonProps={{ 'aria-label': states.close }}
      >
        {inviting && <InviteForm done={invited} />}
        {act?.what === 'change' && <ChangeForm member={act.member} done={done} />}
      </Modal>
      {act?.what === 'link' && (
        <Confirm
          open
          close={() => setAct(undefined)}
          title={p.signInLinkTitle(act.member.name)}
          text={p.signInLinkText}
          go={p.signInLinkGo}
          pending={letIn.isPending}
          error={letIn.error}
          onGo={() =>
            letIn.mutate(
              { params: { path: { id: act.member.id } } },
              {
                onSuccess: (made) => {
                  const { path, note, expires_at: endsAt } = made;
                  setLink({ name: act.member.name, path, note, endsAt });
                  done();
                },
              },
            )
          }
        />
      )}
      {act?.what === 'remove' && (
        <Remove
          member={act.member}
          others={(query.data?.items ?? []).filter(
            (one) => one.state === 'active' && one.id !== act.member.id,
          )}
          close={() => setAct(undefined)}
          done={done}
        />
      )}
    </Stack>
  );
}
