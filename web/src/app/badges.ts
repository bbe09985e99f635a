// Numbers that stand beside the menu.
import { useQueries } from '@tanstack/react-query';
import { api } from '../api/client';

/** Calls that wait for the person who looks. */
export function useApprovalsForMe(): number {
  const mine = api.useQuery(
    'get',
    '/api/v1/approvals',
    { params: { query: { which: 'mine', limit: 500 } } },
    { refetchInterval: 10_000 },
  );
  return mine.data?.items.length ?? 0;
}

/** Tools of all servers that are new or changed and wait to be accepted. */
export function useToolsToReview(): number {
  const servers = api.useQuery('get', '/api/v1/servers', {});
  const lists = useQueries({
    queries: (servers.data?.items ?? []).map((server) =>
      api.queryOptions('get', '/api/v1/servers/{id}/tools', {
        params: { path: { id: server.slug }, query: { limit: 500 } },
      }),
    ),
  });
  const waits = (state: string) => state === 'new' || state === 'changed';
  return lists.reduce(
    (sum, list) => sum + (list.data?.items ?? []).filter((tool) => waits(tool.state)).length,
    0,
  );
}
