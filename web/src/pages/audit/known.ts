// What the lists know by its id: its name, and where it is shown.
import { useMemo } from 'react';
import { api } from '../../api/client';
import { ALL } from '../../api/whole';
import { useCan } from '../../app/can';
import { to } from '../../app/links';

const QUIET = { staleTime: 60_000 };

interface Object {
  name: string;
  link:
    | ReturnType<typeof to.grant>
    | ReturnType<typeof to.server>
    | ReturnType<typeof to.policy>
    | ReturnType<typeof to.members>
    | ReturnType<typeof to.keys>;
}
export type Known = ReadonlyMap<string, Object>;

/** Grants, servers, policies, members and keys by id, as far as the lists reach. */
export function useKnown(): Known {
  const may = useCan();
  const seen = (operation: Parameters<typeof may>[0]) => ({
    ...QUIET,
    enabled: may(operation).allowed,
  });
  const grants = api.useQuery('get', '/api/v1/grants', ALL, seen('grants_list')).data;
  const servers = api.useQuery('get', '/api/v1/servers', ALL, seen('servers_list')).data;
  const policies = api.useQuery('get', '/api/v1/policies', ALL, seen('policies_list')).data;
  const members = api.useQuery('get', '/api/v1/members', ALL, seen('members_list')).data;
  const keys = api.useQuery('get', '/api/v1/api-keys', ALL, seen('keys_list')).data;
  return useMemo(
    () =>
      new Map<string, Object>([
        ...(grants?.items ?? []).map(
          ({ id, label }) => [id, { name: label, link: to.grant(id) }] as const,
        ),
        ...(servers?.items ?? []).map(
          ({ id, slug }) => [id, { name: slug, link: to.server(slug) }] as const,
        ),
        ...(policies?.items ?? []).map(
          ({ id, name }) => [id, { name, link: to.policy(name) }] as const,
        ),
        ...(members?.items ?? []).map(
          ({ id, name, email }) => [id, { name: name || email, link: to.members() }] as const,
        ),
        ...(keys?.items ?? []).map(
          ({ id, label }) => [id, { name: label, link: to.keys() }] as const,
        ),
      ]),
    [grants, servers, policies, members, keys],
  );
}
