// All policies, and the form that begins one.
import { Button, Group, Modal, NativeSelect, Stack, Table, Text, TextInput } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { type FormEvent, useState } from 'react';
import { api } from '../api/client';
import { ALL } from '../api/whole';
import { useCan } from '../app/can';
import { to } from '../app/links';
import { useNew } from '../app/opened';
import { BLANK, type Template, template } from '../lib/templates';
import { useKnownTools } from '../lib/tools';
import { t } from '../text';
import { Asked, Empty } from '../ui/Asked';
import { Go } from '../ui/bits';
import { Guarded } from '../ui/Guarded';
import { Page } from '../ui/Page';
import { ProblemView } from '../ui/ProblemView';
import { putDraft } from './policy/draft';

const p = t.policies;

export function Policies() {
  const may = useCan();
  const [form, setForm] = useNew(may('policies_create'));
  const query = api.useQuery('get', '/api/v1/policies', ALL);
  const create = (
    <Guarded may={may('policies_create')} onClick={setForm.open}>
      {p.create}
    </Guarded>
  );
  return (
    <Page title={p.title} about={p.about} actions={create}>
      <Asked query={query}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty title={p.emptyTitle} text={p.empty}>
              {create}
            </Empty>
          ) : (
            <Table.ScrollContainer minWidth={420} type="native" className="cs-panel" tabIndex={0}>
              <Table aria-label={p.title}>
                <Table.Thead>
                  <Table.Tr>
                    {Object.values(p.columns).map((name) => (
                      <Table.Th key={name}>{name}</Table.Th>
                    ))}
                  </Table.Tr>
                </Table.Thead>
                <Table.Tbody>
                  {items.map((policy) => (
                    <Table.Tr key={policy.id}>
                      <Table.Td>
                        <Go {...to.policy(policy.name)}>{policy.name}</Go>
                        {policy.kept_in && (
                          <Text size="xs" c="dimmed">
                            {p.kept.short(policy.kept_in)}
                          </Text>
                        )}
                      </Table.Td>
                      <Table.Td>{policy.server?.name ?? p.form.anyServer}</Table.Td>
                      <Table.Td>
                        {policy.latest > 0 ? (
                          <Go {...to.version(policy.name, policy.latest)}>{`v${policy.latest}`}</Go>
                        ) : (
                          p.none
                        )}
                      </Table.Td>
                      <Table.Td>{policy.attached}</Table.Td>
                    </Table.Tr>
                  ))}
                </Table.Tbody>
              </Table>
            </Table.ScrollContainer>
          )
        }
      </Asked>
      <Modal
        opened={form}
        onClose={setForm.close}
        title={p.create}
        closeButtonProps={{ 'aria-label': t.states.close }}
      >
        <Form />
      </Modal>
    </Page>
  );
}

/** Begins a policy with a draft: nothing is published before it was reviewed. */
function Form() {
  const [name, setName] = useState('');
  const [server, setServer] = useState('');
  const [kind, setKind] = useState<Template | ''>('');
  const navigate = useNavigate();
  const queries = useQueryClient();
  const servers = api.useQuery('get', '/api/v1/servers', ALL);
  const tools = useKnownTools(server || undefined);
  const create = api.useMutation('post', '/api/v1/policies', {
    onSuccess: async (made) => {
      const text = kind === '' ? BLANK : template(kind, tools.tools);
      await putDraft(made.id, { text, cases: '[]' }, 0);
      void queries.invalidateQueries({ queryKey: ['get', '/api/v1/policies'] });
      void navigate(to.policy(made.name));
    },
  });
  const send = (event: FormEvent) => {
    event.preventDefault();
    create.mutate({ body: { name, server: server || null } });
  };
  return (
    <form onSubmit={send}>
      <Stack gap="sm">
        <TextInput
          label={p.form.name}
          required
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
          data-autofocus
        />
        <NativeSelect
          label={p.form.server}
          data={[
            { value: '', label: p.form.anyServer },
            ...(servers.data?.items ?? []).map((one) => one.slug),
          ]}
          value={server}
          onChange={(event) => setServer(event.currentTarget.value)}
        />
        <NativeSelect
          label={p.form.template}
          data={[
            { value: '', label: p.form.blank },
            ...(server
              ? Object.entries(t.access.templates).map(([value, { name: label }]) => ({
                  value,
                  label,
                }))
              : []),
          ]}
          value={kind}
          onChange={(event) => setKind(event.currentTarget.value as Template | '')}
        />
        {kind !== '' && <Text size="sm">{t.access.templates[kind].about}</Text>}
        {kind !== '' && tools.error !== null && <ProblemView error={tools.error} />}
        {create.error && <ProblemView error={create.error} />}
        <Group>
          <Button
            type="submit"
            loading={create.isPending || (kind !== '' && tools.pending)}
            disabled={kind !== '' && tools.error !== null}
          >
            {p.form.go}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
