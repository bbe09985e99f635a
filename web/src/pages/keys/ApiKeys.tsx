// Keys of the API: whose each is; made, shown once, revoked.
import {
  Button,
  Checkbox,
  Group,
  Modal,
  NativeSelect,
  Stack,
  Table,
  Text,
  TextInput,
} from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { api, type Schemas } from '../../api/client';
import { ALL } from '../../api/whole';
import { useCan } from '../../app/can';
import { useNew } from '../../app/opened';
import { apiKeys as a } from '../../text/keyring';
import { t } from '../../text';
import { Asked, Empty } from '../../ui/Asked';
import { At, Copy } from '../../ui/bits';
import { Confirm } from '../../ui/Confirm';
import { Guarded } from '../../ui/Guarded';
import { Leaving } from '../../ui/Leaving';
import { Panel } from '../../ui/Page';
import { ProblemView } from '../../ui/ProblemView';

const k = t.access.keys;
const ROLES = ['viewer', 'policy_manager', 'admin'] as const;
type Role = (typeof ROLES)[number];

export function ApiKeys() {
  const may = useCan();
  const queries = useQueryClient();
  const query = api.useQuery('get', '/api/v1/api-keys', ALL);
  const me = api.useQuery('get', '/api/v1/me', {});
  const [making, setMaking] = useNew(may('keys_create'));
  const [made, setMade] = useState<Schemas['KeyMade']>();
  const [stored, setStored] = useState(false);
  const [ending, setEnding] = useState<Schemas['KeyOut']>();
  const changed = () => void queries.invalidateQueries({ queryKey: ['get', '/api/v1/api-keys'] });
  const revoke = api.useMutation('delete', '/api/v1/api-keys/{id}', {
    onSuccess: () => {
      changed();
      setEnding(undefined);
    },
  });
  const make = (
    <Guarded may={may('keys_create')} onClick={setMaking.open}>
      {k.make}
    </Guarded>
  );
  const state = (key: Schemas['KeyOut']) =>
    key.revoked_at ? k.revoked : key.active ? k.active : k.expired;
  return (
    <Stack>
      <Group justify="space-between">
        <Text size="sm" c="dimmed" style={{ flex: '1 1 240px' }}>
          {k.about}
        </Text>
        {make}
      </Group>
      {made && (
        <Panel title={made.key.label}>
          <Stack>
            <Group wrap="nowrap">
              <code className="cs-mono">{made.token ?? made.note}</code>
              {made.token && <Copy value={made.token} />}
            </Group>
            <Text size="sm" fw={600} c="var(--cs-waiting)">
              {k.shownOnce}
            </Text>
            <Leaving unsaved={Boolean(made.token) && !stored} />
            <Checkbox
              label={k.stored}
              checked={stored}
              onChange={(event) => setStored(event.currentTarget.checked)}
            />
            <Group>
              <Button
                disabled={!stored}
                onClick={() => {
                  setMade(undefined);
                  setStored(false);
                }}
              >
                {t.grants.token.done}
              </Button>
            </Group>
          </Stack>
        </Panel>
      )}
      <Asked query={query}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty title={k.empty} text={k.emptyText}>
              {make}
            </Empty>
          ) : (
            <Table.ScrollContainer minWidth={680} type="native" className="cs-panel" tabIndex={0}>
              <Table aria-label={k.title}>
                <Table.Thead>
                  <Table.Tr>
                    {[k.label, a.member, k.role, k.state, k.created, k.ends, ''].map((name) => (
                      <Table.Th key={name || 'act'} aria-label={name || t.shell.menu}>
                        {name}
                      </Table.Th>
                    ))}
                  </Table.Tr>
                </Table.Thead>
                <Table.Tbody>
                  {items.map((key) => (
                    <Table.Tr key={key.id}>
                      <Table.Td>{key.label}</Table.Td>
                      <Table.Td>
                        {key.member === me.data?.member.id ? (
                          a.you
                        ) : (
                          <>
                            {key.member_name}
                            <Text size="xs" c="dimmed">
                              {key.member_email}
                            </Text>
                          </>
                        )}
                      </Table.Td>
                      <Table.Td>{t.can.role(key.role)}</Table.Td>
                      <Table.Td>{state(key)}</Table.Td>
                      <Table.Td>
                        <At at={key.created_at} as="distance" />
                      </Table.Td>
                      <Table.Td>
                        {key.expires_at ? <At at={key.expires_at} as="distance" /> : k.never}
                      </Table.Td>
                      <Table.Td>
                        {key.active && (
                          <Guarded
                            may={may('keys_revoke')}
                            size="xs"
                            variant="default"
                            onClick={() => setEnding(key)}
                          >
                            {k.revoke(key.label)}
                          </Guarded>
                        )}
                      </Table.Td>
                    </Table.Tr>
                  ))}
                </Table.Tbody>
              </Table>
            </Table.ScrollContainer>
          )
        }
      </Asked>
      <Modal
        opened={making}
        onClose={setMaking.close}
        title={k.make}
        closeButtonProps={{ 'aria-label': t.states.close }}
      >
        <Form
          done={(answer) => {
            changed();
            setMaking.close();
            setMade(answer);
          }}
        />
      </Modal>
      {ending && (
        <Confirm
          open
          close={() => setEnding(undefined)}
          title={k.revoke(ending.label)}
          text={k.revokeSure(ending.label)}
          go={k.revoke(ending.label)}
          pending={revoke.isPending}
          error={revoke.error}
          onGo={() => revoke.mutate({ params: { path: { id: ending.id } } })}
        />
      )}
    </Stack>
  );
}

/** How long a key may live, in days; empty for as long as nobody ends it. */
const LIVES = ['', '30', '90', '365'];

function Form({ done }: { done: (made: Schemas['KeyMade']) => void }) {
  const others = useCan()('members_list').allowed;
  const members = api.useQuery('get', '/api/v1/members', ALL, { enabled: others });
  const [label, setLabel] = useState('');
  const [role, setRole] = useState<Role>('viewer');
  const [member, setMember] = useState('');
  const [days, setDays] = useState('90');
  const make = api.useMutation('post', '/api/v1/api-keys', { onSuccess: done });
  const send = (event: FormEvent) => {
    event.preventDefault();
    const end = new Date(Date.now() + Number(days) * 86_400_000).toISOString();
    make.mutate({
      body: { label, role, ...(member ? { member } : {}), ...(days ? { expires_at: end } : {}) },
    });
  };
  return (
    <form onSubmit={send}>
      <Stack gap="sm">
        <TextInput
          label={k.label}
          required
          value={label}
          onChange={(event) => setLabel(event.currentTarget.value)}
          data-autofocus
        />
        <NativeSelect
          label={k.role}
          data={ROLES.map((value) => ({ value, label: t.access.role[value] }))}
          value={role}
          onChange={(event) => setRole(event.currentTarget.value as Role)}
        />
        {others && (
          <NativeSelect
            label={a.whose}
            description={a.whoseHint}
            value={member}
            onChange={(event) => setMember(event.currentTarget.value)}
            data={[
              { value: '', label: a.yours },
              ...(members.data?.items ?? [])
                .filter((one) => one.state === 'active')
                .map((one) => ({ value: one.id, label: `${one.name} · ${one.email}` })),
            ]}
          />
        )}
        <NativeSelect
          label={a.lives}
          value={days}
          onChange={(event) => setDays(event.currentTarget.value)}
          data={LIVES.map((value) => ({
            value,
            label: value ? a.days(Number(value)) : a.never,
          }))}
        />
        {make.error && <ProblemView error={make.error} />}
        <Group>
          <Button type="submit" loading={make.isPending}>
            {k.make}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
