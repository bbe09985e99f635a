// Identity providers that people sign in by: for admins.
import { Group, Modal, Stack, Text } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api, type Schemas } from '../../api/client';
import { ALL } from '../../api/whole';
import { useCan } from '../../app/can';
import { account as a } from '../../text/account';
import { states } from '../../text/shell';
import { Asked } from '../../ui/Asked';
import { Confirm } from '../../ui/Confirm';
import { Guarded } from '../../ui/Guarded';
import { Panel } from '../../ui/Page';
import { ProviderForm } from './ProviderForm';

type Provider = Schemas['ProviderOut'];

export function Providers() {
  const may = useCan();
  const list = may('providers_list');
  const queries = useQueryClient();
  const query = api.useQuery('get', '/api/v1/identity-providers', ALL, { enabled: list.allowed });
  const [editing, setEditing] = useState<Provider | 'new'>();
  const [ending, setEnding] = useState<Provider>();
  const done = () => {
    setEditing(undefined);
    setEnding(undefined);
    void queries.invalidateQueries({ queryKey: ['get', '/api/v1/identity-providers'] });
    void queries.invalidateQueries({ queryKey: ['get', '/api/v1/sign-in'] });
  };
  const end = api.useMutation('delete', '/api/v1/identity-providers/{id}', { onSuccess: done });
  return (
    <Panel
      title={a.providers}
      aside={
        <Guarded
          may={may('providers_create')}
          size="xs"
          variant="default"
          onClick={() => setEditing('new')}
        >
          {a.addProvider}
        </Guarded>
      }
    >
      <Stack gap="sm">
        <Text size="sm" c="dimmed">
          {a.providersAbout}
        </Text>
        {!list.allowed && <Text size="sm">{list.reason}</Text>}
        {list.allowed && (
          <Asked query={query} lines={1}>
            {({ items }) => (
              <>
                {items.length === 0 && <Text size="sm">{a.noProviders}</Text>}
                {items.map((one) => (
                  <Group key={one.id} justify="space-between">
                    <Text size="sm" style={{ overflowWrap: 'anywhere' }}>
                      {one.name} · {one.issuer} {!one.enabled && `· ${a.off}`}
                    </Text>
                    <Group gap="xs">
                      <Guarded
                        may={may('providers_update')}
                        size="xs"
                        variant="default"
                        onClick={() => setEditing(one)}
                      >
                        {a.editProvider(one.name)}
                      </Guarded>
                      <Guarded
                        may={may('providers_delete')}
                        size="xs"
                        variant="default"
                        onClick={() => setEnding(one)}
                      >
                        {a.removeProvider(one.name)}
                      </Guarded>
                    </Group>
                  </Group>
                ))}
              </>
            )}
          </Asked>
        )}
      </Stack>
      <Modal
        opened={editing !== undefined}
        onClose={() => setEditing(undefined)}
        size="lg"
        title={editing && editing !== 'new' ? a.editProvider(editing.name) : a.addProvider}
        closeButtonProps={{ 'aria-label': states.close }}
      >
        {editing && <ProviderForm provider={editing === 'new' ? undefined : editing} done={done} />}
      </Modal>
      {ending && (
        <Confirm
          open
          close={() => setEnding(undefined)}
          title={a.removeProvider(ending.name)}
          text={a.removeProviderText}
          typed={ending.slug}
          go={a.removeProvider(ending.name)}
          pending={end.isPending}
          error={end.error}
          onGo={() => end.mutate({ params: { path: { id: ending.id } } })}
        />
      )}
    </Panel>
  );
}
