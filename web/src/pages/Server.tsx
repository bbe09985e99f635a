// One server: its tools, its credential, and how agents reach it.
import { Stack, Tabs } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { useState } from 'react';
import { api, type Schemas } from '../api/client';
import { useCan } from '../app/can';
import { type ServerTab, to } from '../app/links';
import { notice } from '../app/notices';
import { t } from '../text';
import { Asked } from '../ui/Asked';
import { Facts, Go } from '../ui/bits';
import { Confirm } from '../ui/Confirm';
import { Guarded } from '../ui/Guarded';
import { Page, Panel } from '../ui/Page';
import { ProblemView } from '../ui/ProblemView';
import { Connect } from './servers/Connect';
import { Credential } from './servers/Credential';
import { OwnAccount } from './servers/OwnAccount';
import { Recording } from './servers/Recording';
import { ServerTools } from './servers/ServerTools';

const s = t.servers;

export function Server() {
  const { slug, tab } = useParams({ from: '/inside/servers/$slug/$tab' });
  const { result } = useSearch({ from: '/inside/servers/$slug/$tab' });
  const navigate = useNavigate();
  const query = api.useQuery('get', '/api/v1/servers/{id}', { params: { path: { id: slug } } });
  return (
    <Asked query={query}>
      {(server) => (
        <Page
          title={server.name}
          above={<Go {...to.servers()}>{s.title}</Go>}
          about={
            <>
              {server.health === 'ok' ? s.ok : (server.health ?? s.neverProbed)}
              {server.version ? ` · MCP ${server.version}` : ''}
            </>
          }
          actions={<Actions server={server} />}
        >
          <Tabs
            value={tab}
            keepMounted={false}
            onChange={(next) => next && void navigate(to.server(slug, next as ServerTab))}
          >
            <Tabs.List mb="md">
              {(['tools', 'credential', 'connect'] as const).map((name) => (
                <Tabs.Tab key={name} value={name}>
                  {s.tabs[name]}
                </Tabs.Tab>
              ))}
            </Tabs.List>
            <Tabs.Panel value="tools">
              <ServerTools slug={slug} />
            </Tabs.Panel>
            <Tabs.Panel value="credential">
              <Credential slug={slug} />
            </Tabs.Panel>
            <Tabs.Panel value="connect">
              <Stack>
                <OwnAccount server={server} result={result} />
                <Connect server={server} />
                <Recording slug={slug} />
                <Panel title={s.facts.url}>
                  <Facts
                    of={[
                      [
                        s.facts.url,
                        <span key="u" className="cs-mono">
                          {server.url}
                        </span>,
                      ],
                      [
                        s.facts.change,
                        s.facts.changes[server.on_tool_change as keyof typeof s.facts.changes] ??
                          server.on_tool_change,
                      ],
                      [s.facts.private, server.private_targets.join(', ') || s.facts.none],
                    ]}
                  />
                </Panel>
              </Stack>
            </Tabs.Panel>
          </Tabs>
        </Page>
      )}
    </Asked>
  );
}

function Actions({ server }: { server: Schemas['ServerOut'] }) {
  const may = useCan();
  const queries = useQueryClient();
  const navigate = useNavigate();
  const [removing, setRemoving] = useState(false);
  const params = { params: { path: { id: server.slug } } };
  const changed = () => void queries.invalidateQueries({ queryKey: ['get'] });
  const refresh = api.useMutation('post', '/api/v1/servers/{id}/refresh', {
    onSuccess: ({ tools }) => {
      changed();
      if (tools) notice({ message: s.refreshed(tools.found, tools.new, tools.changed) });
    },
    onError: changed,
  });
  const update = api.useMutation('put', '/api/v1/servers/{id}', {
    onSuccess: changed,
    onError: changed,
  });
  const remove = api.useMutation('delete', '/api/v1/servers/{id}', {
    onSuccess: () => {
      changed();
      void navigate(to.servers());
    },
  });
  const look = () => refresh.mutate(params);
  const turn = (enabled: boolean) =>
    update.mutate({
      params: { path: { id: server.slug }, header: { 'If-Match': `"${server.revision}"` } },
      body: { enabled },
    });
  return (
    <>
      <Guarded
        may={may('servers_refresh')}
        variant="default"
        loading={refresh.isPending}
        onClick={look}
      >
        {s.refresh}
      </Guarded>
      <Guarded
        may={may('servers_update')}
        variant="default"
        loading={update.isPending}
        onClick={() => turn(!server.enabled)}
      >
        {server.enabled ? s.disable : s.enable}
      </Guarded>
      <Guarded may={may('servers_delete')} variant="default" onClick={() => setRemoving(true)}>
        {s.remove(server.slug)}
      </Guarded>
      {/* What was refused stays: whoever stops calls wants to know that they still go through. */}
      {update.error && (
        <div className="cs-own-line">
          <ProblemView
            error={update.error}
            // The same again, whatever somebody else has made of it meanwhile.
            retry={() => turn(update.variables.body.enabled === true)}
          />
        </div>
      )}
      {refresh.error && (
        <div className="cs-own-line">
          <ProblemView error={refresh.error} retry={look} />
        </div>
      )}
      <Confirm
        open={removing}
        close={() => setRemoving(false)}
        title={s.remove(server.slug)}
        text={s.removeText}
        typed={server.slug}
        go={s.remove(server.slug)}
        pending={remove.isPending}
        error={remove.error}
        onGo={() => remove.mutate(params)}
      />
    </>
  );
}
