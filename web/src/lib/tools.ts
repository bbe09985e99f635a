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

/** What was read of a definition: the page asks again with every letter that is typed in it. */
const read = new WeakMap<object, Field[]>();
const NONE: Field[] = [];

function fieldsIn(definition: unknown): Field[] {
  if (typeof definition !== 'object' || definition === null) return NONE;
  const fields = read.get(definition) ?? fieldsOf(definition);
  read.set(definition, fields);
  return fields;
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
    fields: fieldsIn(queries[at]?.data?.accepted ?? queries[at]?.data?.definition),
  }));
  return {
    tools,
    error: list.error ?? queries.find((query) => query.error)?.error ?? null,
    pending: server !== undefined && (list.isPending || queries.some((query) => query.isPending)),
  };
}
