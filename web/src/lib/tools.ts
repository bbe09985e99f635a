// The tools of a server with their arguments, as forms, rules and templates need them.
import { useQueries } from '@tanstack/react-query';
import { api } from '../api/client';
import { WHOLE } from '../api/whole';
import { type Field, fieldsOf } from './fields';

export interface ServerTool {
  name: string;
  state: string;
  fields: Field[];
}

/** Asks for every tool of a server; each answer is kept for a while. */
export function useKnownTools(server: string | undefined): {
  tools: ServerTool[];
  pending: boolean;
  /** Why they are not known, or not all of them. */
  error: unknown;
} {
  const list = api.useQuery(
    'get',
    '/api/v1/servers/{id}/tools',
    { params: { path: { id: server ?? '' }, query: WHOLE } },
    { enabled: server !== undefined },
  );
  const names = (list.data?.items ?? []).filter(
    (tool) => tool.present && tool.state !== 'withheld',
  );
  const queries = useQueries({
    queries: names.map((tool) =>
      api.queryOptions(
        'get',
        '/api/v1/servers/{id}/tools/{tool}',
        {
          params: { path: { id: server ?? '', tool: tool.name } },
        },
        { staleTime: 60_000 },
      ),
    ),
  });
  const tools = names.map((tool, at) => ({
    name: tool.name,
    state: tool.state,
    fields: fieldsOf(queries[at]?.data?.accepted ?? queries[at]?.data?.definition),
  }));
  return {
    tools,
    error: list.error ?? queries.find((query) => query.error)?.error ?? null,
    pending: server !== undefined && (list.isPending || queries.some((query) => query.isPending)),
  };
}
