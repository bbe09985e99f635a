// Numbers that stand beside the menu.
import { useQueries } from '@tanstack/react-query';
import { api } from '../api/client';
import { ALL, WHOLE } from '../api/whole';

/** Calls that wait for the person who looks. */
export function useApprovalsForMe(): number {
  const mine = api.useQuery(
    'get',
    '/api/v1/approvals',
    { params: { query: { which: 'mine', ...WHOLE } } },
    { refetchInterval: 10_000 },
  );
  return mine.data?.items.length ?? 0;
}

/** A tool that waits to be accepted. */
export interface ToReview {
  server: string;
  tool: string;
  state: 'new' | 'changed';
}

/**
 * Tools of all servers that are new or changed and wait to be accepted; not `known` while some server's
 * were not told.
 */
export function useToolsToReview(): { waiting: ToReview[]; known: boolean } {
  const servers = api.useQuery('get', '/api/v1/servers', ALL);
  const lists = useQueries({
    queries: (servers.data?.items ?? []).map((server) =>
      api.queryOptions('get', '/api/v1/servers/{id}/tools', {
        params: { path: { id: server.slug }, query: WHOLE },
      }),
    ),
  });
  const waiting = (servers.data?.items ?? []).flatMap((server, at) =>
    (lists[at]?.data?.items ?? []).flatMap(({ name, state }) =>
      state === 'new' || state === 'changed'
        ? [{ server: server.slug, tool: name, state } as const]
        : [],
    ),
  );
  return { waiting, known: servers.isSuccess && lists.every((list) => list.data !== undefined) };
}
