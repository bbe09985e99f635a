// The palette: commands, pages, grants, servers, tools, policies and their rules by name.
import { useMantineColorScheme } from '@mantine/core';
import '@mantine/spotlight/styles.css';
import { createSpotlight, Spotlight } from '@mantine/spotlight';
import { useQueries } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useEffect } from 'react';
import { api } from '../api/client';
import { ALL, WHOLE } from '../api/whole';
import { rulesOf } from '../lib/mentions';
import { t } from '../text/core';
import { type Operation, useCan } from './can';
import { to } from './links';
import { MENU } from './menu';
import { useLeave } from './leave';
import { NEW } from './opened';

const [store, palette] = createSpotlight();
/** The most policies whose rules are looked through. */
const POLICIES_READ = 100;

export default function Palette({ close }: { close: () => void }) {
  const navigate = useNavigate();
  const grants = api.useQuery('get', '/api/v1/grants', ALL);
  const servers = api.useQuery('get', '/api/v1/servers', ALL);
  const policies = api.useQuery('get', '/api/v1/policies', ALL);
  const tools = useQueries({
    queries: (servers.data?.items ?? []).map((server) =>
      api.queryOptions('get', '/api/v1/servers/{id}/tools', {
        params: { path: { id: server.slug }, query: WHOLE },
      }),
    ),
  });
  const texts = useQueries({
    queries: (policies.data?.items ?? [])
      .filter(({ latest }) => latest > 0)
      .slice(0, POLICIES_READ)
      .map(({ id }) =>
        api.queryOptions(
          'get',
          '/api/v1/policies/{id}',
          { params: { path: { id } } },
          { staleTime: 60_000 },
        ),
      ),
  });
  useEffect(() => palette.open(), []);

  const group = (name: string, actions: { id: string; label: string; go: () => unknown }[]) => ({
    group: name,
    actions: actions.map(({ id, label, go }) => ({ id, label, onClick: () => void go() })),
  });
  const may = useCan();
  const leave = useLeave();
  const { setColorScheme } = useMantineColorScheme();
  const c = t.shell.commands;
  const make = (link: { to: string }) => navigate({ ...link, hash: NEW });
  // What somebody may not do is not offered: the pages say which role can.
  const commands: { id: keyof typeof c; needs?: Operation; go: () => unknown }[] = [
    { id: 'newGrant', needs: 'grants_issue', go: () => make(to.grants()) },
    { id: 'newPolicy', needs: 'policies_create', go: () => make(to.policies()) },
    { id: 'newServer', needs: 'servers_create', go: () => make(to.servers()) },
    { id: 'invite', needs: 'members_invite', go: () => make(to.members()) },
    { id: 'newKey', needs: 'keys_create', go: () => make(to.keys()) },
    { id: 'matrix', needs: 'grants_list', go: () => navigate(to.matrix()) },
    { id: 'verify', needs: 'audit_verify', go: () => navigate(to.audit({ view: 'evidence' })) },
    { id: 'light', go: () => setColorScheme('light') },
    { id: 'dark', go: () => setColorScheme('dark') },
    { id: 'auto', go: () => setColorScheme('auto') },
    { id: 'signOut', go: () => leave.here.mutate({}) },
  ];
  const pages = MENU.flatMap((entry) => entry.pages);
  const actions = [
    group(
      t.shell.runs,
      commands
        .filter(({ needs }) => !needs || may(needs).allowed)
        .map(({ id, go }) => ({ id: `run ${id}`, label: c[id], go })),
    ),
    group(
      t.shell.menu,
      pages.map(({ page, link }) => ({
        id: page,
        label: t.shell.pages[page],
        go: () => navigate({ to: link.to }),
      })),
    ),
    group(
      t.shell.pages.grants,
      (grants.data?.items ?? []).map((grant) => ({
        id: grant.id,
        label: grant.label,
        go: () => navigate(to.grant(grant.id)),
      })),
    ),
    group(
      t.shell.pages.policies,
      (policies.data?.items ?? []).map((policy) => ({
        id: policy.id,
        label: policy.name,
        go: () => navigate(to.policy(policy.name)),
      })),
    ),
    group(
      t.shell.rules,
      texts.flatMap(({ data }) => {
        const [name, version] = [data?.name ?? '', data?.version];
        if (!version) return [];
        return rulesOf(version.text).map((rule) => ({
          id: `${name} ${rule}`,
          label: `${rule} · ${name}`,
          go: () => navigate(to.version(name, version.number, rule)),
        }));
      }),
    ),
    group(
      t.shell.pages.tools,
      (servers.data?.items ?? []).flatMap((server, at) =>
        (tools[at]?.data?.items ?? []).map((tool) => ({
          id: `${server.id}/${tool.name}`,
          label: `${tool.name} · ${server.slug}`,
          go: () => navigate(to.server(server.slug, 'tools', tool.name)),
        })),
      ),
    ),
  ].filter((entry) => entry.actions.length > 0);
  return (
    <Spotlight
      store={store}
      actions={actions}
      shortcut={null}
      limit={20}
      onSpotlightClose={close}
      nothingFound={t.shell.nothingFound}
      searchProps={{ placeholder: t.shell.search, 'aria-label': t.shell.search }}
    />
  );
}
