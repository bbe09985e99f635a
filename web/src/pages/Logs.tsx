// The log of calls: filtered by the address, live, and every rule a link to the line that decided.
import { Button, Group, Text } from '@mantine/core';
import { useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { useCallback, useMemo, useState } from 'react';
import { api } from '../api/client';
import { ALL } from '../api/whole';
import { type LogFilter, to } from '../app/links';
import { formatTime } from '../lib/format';
import { merged } from '../lib/lines';
import type { Call } from '../lib/road';
import { useTail } from '../lib/tail';
import { download } from '../lib/download';
import { t } from '../text';
import { Empty, Loading } from '../ui/Asked';
import { Page } from '../ui/Page';
import { ProblemView } from '../ui/ProblemView';
import { CallDetail } from './logs/CallDetail';
import { Filters } from './logs/Filters';
import { asCsv } from './logs/export';
import { Lines } from './logs/Lines';
import { SavedViews } from './logs/SavedViews';
import './logs/logs.css';

export function Logs() {
  const search = useSearch({ from: '/inside/logs' });
  const { call: open } = useParams({ strict: false });
  const navigate = useNavigate();
  const [unfolded, unfold] = useState(false);
  // Another filter is another list.
  return (
    <List
      key={JSON.stringify(search)}
      filter={search}
      open={open}
      unfolded={unfolded}
      unfold={unfold}
      set={(filter) => void navigate(open ? to.call(open, filter) : to.logs(filter))}
      show={(id) => void navigate(id ? to.call(id, search) : to.logs(search))}
    />
  );
}

interface Props {
  filter: LogFilter;
  open: string | undefined;
  unfolded: boolean;
  unfold: (yes: boolean) => void;
  set: (filter: LogFilter) => void;
  show: (id: string | undefined) => void;
}

function List({ filter, open, set, show, unfolded, unfold }: Props) {
  const query = api.useInfiniteQuery(
    'get',
    '/api/v1/calls',
    { params: { query: { ...filter, limit: 200 } } },
    {
      pageParamName: 'after',
      initialPageParam: null as string | null,
      getNextPageParam: (page: { next?: string | null }) => page.next ?? undefined,
      staleTime: 0,
    },
  );
  const names = useNames();
  const [follow, setFollow] = useState(true);
  const [held, setHeld] = useState(false);
  const [fresh, setFresh] = useState<Call[]>([]);
  const [ended, setEnded] = useState<Call[]>([]);
  const [waiting, setWaiting] = useState<Call[]>([]);
  const [heardAt, setHeardAt] = useState(() => new Date().toISOString());

  const told = useCallback(
    (news: Call[], endings: Call[]) => {
      setHeardAt(new Date().toISOString());
      if (endings.length > 0) setEnded((before) => [...before, ...endings]);
      if (news.length === 0) return;
      if (held) setWaiting((before) => [...before, ...news]);
      else setFresh((before) => [...before, ...news]);
    },
    [held],
  );
  // What the stream cannot be narrowed by makes a list of the past alone.
  const past = filter.outcome !== undefined || filter.until !== undefined;
  const stream = useTail(filter, follow && !past, told, () => void query.refetch());

  const older = useMemo(
    () => query.data?.pages.flatMap((page: { items: Call[] }) => page.items) ?? [],
    [query.data],
  );
  const lines = useMemo(() => merged(older, fresh, ended), [older, fresh, ended]);
  const release = () => {
    setFresh((before) => [...before, ...waiting]);
    setWaiting([]);
  };
  const hold = (on: boolean) => {
    setHeld(on);
    if (!on) release();
  };

  return (
    <Page
      title={t.logs.title}
      actions={
        <Group gap="xs">
          <Button
            size="xs"
            variant="default"
            disabled={lines.length === 0}
            onClick={() => download('countersign-calls.csv', asCsv(lines, names))}
          >
            {t.logs.export}
          </Button>
          {!past && (
            <>
              <Text size="sm" role="status" c={stream === 'live' ? 'var(--cs-allowed)' : 'dimmed'}>
                {stream === 'live' && `● ${t.logs.live}`}
                {stream === 'lost' && t.logs.reconnecting(formatTime(heardAt))}
              </Text>
              <Button size="xs" variant="default" onClick={() => setFollow(!follow)}>
                {follow ? t.logs.pause : t.logs.resume}
              </Button>
            </>
          )}
        </Group>
      }
    >
      <Filters filter={filter} set={set} unfolded={unfolded} unfold={unfold} />
      <SavedViews filter={filter} />
      {query.error && lines.length === 0 && (
        <ProblemView error={query.error} retry={() => void query.refetch()} />
      )}
      {query.isPending && <Loading lines={8} />}
      {query.data && lines.length === 0 && !open && (
        <Empty title={t.logs.emptyTitle} text={t.logs.empty}>
          {Object.keys(filter).length > 0 && (
            <Button size="xs" variant="default" onClick={() => set({})}>
              {t.logs.clear}
            </Button>
          )}
        </Empty>
      )}
      <div className="logs-split" data-open={open !== undefined}>
        {lines.length > 0 && (
          <Lines
            lines={lines}
            names={names}
            open={open}
            show={show}
            waiting={waiting.length}
            release={release}
            hold={hold}
            more={query.hasNextPage ? () => void query.fetchNextPage() : undefined}
            loading={query.isFetchingNextPage}
          />
        )}
        {open && (
          <CallDetail
            id={open}
            known={lines.find((line) => line.id === open)}
            names={names}
            close={() => show(undefined)}
          />
        )}
      </div>
    </Page>
  );
}

/** What people call the policies that lines name by id. */
function useNames(): (policy: string) => string {
  const policies = api.useQuery('get', '/api/v1/policies', ALL);
  return useCallback(
    (id) => policies.data?.items.find((policy) => policy.id === id)?.name ?? id,
    [policies.data],
  );
}
