// Another policy for a grant at one of its servers, with what that changes in view before it is made.
import { Button, Group, Modal, NativeSelect, Stack, Text } from '@mantine/core';
import { useState } from 'react';
import { api, type Schemas } from '../../api/client';
import { ALL } from '../../api/whole';
import { t } from '../../text';
import { ProblemView } from '../../ui/ProblemView';
import { Found, published, useChanges } from '../policy/Changes';

const d = t.grants.detail;

interface Props {
  grant: Schemas['GrantOut'];
  close: () => void;
  changed: () => void;
}

export default function Attach({ grant, close, changed }: Props) {
  const [server, setServer] = useState(grant.servers[0]?.server.name ?? '');
  const [chosen, setChosen] = useState<{ server: string; policy: string }>();
  const now = grant.servers.find((one) => one.server.name === server)?.policy;
  // What was chosen at one server says nothing of another.
  const policy = chosen?.server === server ? chosen.policy : (now?.name ?? '');
  const policies = api.useQuery('get', '/api/v1/policies', ALL);
  const known = (policies.data?.items ?? []).filter((one) => one.latest > 0);
  const next = known.find((one) => one.name === policy);
  const effect = useChanges(
    published(now?.id, now?.version ?? 0),
    published(next?.id, next?.latest ?? 0),
  );
  const attach = api.useMutation('put', '/api/v1/grants/{id}/policy', {
    onSuccess: () => {
      changed();
      close();
    },
  });
  const same = (now?.name ?? '') === policy;
  return (
    <Modal
      opened
      onClose={close}
      size="lg"
      title={d.attachTitle(server)}
      closeButtonProps={{ 'aria-label': t.states.close }}
    >
      <Stack>
        <Text size="sm">{d.attachText}</Text>
        {grant.servers.length > 1 && (
          <NativeSelect
            label={t.grants.form.server}
            data={grant.servers.map((one) => one.server.name)}
            value={server}
            onChange={(event) => setServer(event.currentTarget.value)}
          />
        )}
        <NativeSelect
          label={t.grants.form.policy}
          data={[
            { value: '', label: t.grants.form.noPolicy },
            ...known.map(({ name, latest }) => ({ value: name, label: `${name} v${latest}` })),
          ]}
          value={policy}
          onChange={(event) => setChosen({ server, policy: event.currentTarget.value })}
        />
        {!same && (
          <section aria-label={d.attachEffect}>
            <Text size="sm" fw={600} mb="xs">
              {d.attachEffect}
            </Text>
            <Found of={effect} />
          </section>
        )}
        {attach.error && <ProblemView error={attach.error} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={close}>
            {t.states.cancel}
          </Button>
          <Button
            loading={attach.isPending}
            disabled={same || effect.isPending}
            onClick={() =>
              attach.mutate({
                params: {
                  path: { id: grant.id },
                  header: { 'If-Match': `"${grant.revision}"` },
                },
                body: { server, policy: policy || null },
              })
            }
          >
            {d.attach}
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}
