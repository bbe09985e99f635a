// The policies that speak of a tool, each a link to the line.
import { useQueries } from '@tanstack/react-query';
import { api } from '../../api/client';
import { to } from '../../app/links';
import { mentions } from '../../lib/mentions';
import { t } from '../../text';
import { Go } from '../../ui/bits';

const s = t.servers.tools;
/** The most policies that are read for this. */
const MOST = 100;

export function Mentioned({ tool }: { tool: string }) {
  const list = api.useQuery('get', '/api/v1/policies', { params: { query: { limit: MOST } } });
  const policies = useQueries({
    queries: (list.data?.items ?? [])
      .filter(({ latest }) => latest > 0)
      .map(({ id }) =>
        api.queryOptions(
          'get',
          '/api/v1/policies/{id}',
          { params: { path: { id } } },
          { staleTime: 60_000 },
        ),
      ),
  });
  if (list.isPending || policies.some((policy) => policy.isPending)) return '…';
  const found = policies.flatMap(({ data }) => {
    const pointer = data?.version ? mentions(data.version.text, tool)[0] : undefined;
    return data && pointer !== undefined ? [{ name: data.name, latest: data.latest, pointer }] : [];
  });
  // What could not be read may speak of it, and is not counted as silent.
  const part =
    list.data?.next || !list.data || policies.some((policy) => !policy.data)
      ? s.mentionsNotKnown
      : '';
  if (found.length === 0) return part || s.noMention;
  const links = found.map(({ name, latest, pointer }) => (
    <span key={name}>
      <Go {...to.version(name, latest, pointer)}>{name}</Go>{' '}
    </span>
  ));
  return (
    <>
      {links}
      {part}
    </>
  );
}
