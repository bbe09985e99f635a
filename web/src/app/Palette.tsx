// The palette: pages, grants, servers, tools, policies and their rules by name.
import '@mantine/spotlight/styles.css';
import { createSpotlight, Spotlight } from '@mantine/spotlight';
import { useQueries } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useEffect } from 'react';
import { api } from '../api/client';
import { rulesOf } from '../lib/mentions';
import { t } from '../text/core';
import { to } from './links';
import { MENU } from './menu';

const [store, palette] = createSpotlight();
const ALL = { params: { query: { limit: 500 } } };
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
        params: { path: { id: server.slug }, query: { limit: 500 } },
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
  const pages = MENU.flatMap((entry) => entry.pages);
  const actions = [
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
