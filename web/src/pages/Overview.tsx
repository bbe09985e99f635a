// What needs me, is it working, what is running out.
import { Button, Group, Stack, Table, Text } from '@mantine/core';
import { useQueries } from '@tanstack/react-query';
import { useMemo, useState } from 'react';
import { api } from '../api/client';
import { useToolsToReview } from '../app/badges';
import { formatLeft, leftOf, useNow } from '../lib/left';
import { unknown } from '../text/account';
import { to } from '../app/links';
import { denying, type Hour, overhead, perHour, sumOf } from '../lib/counts';
import { formatDecimal, formatMicros, formatNumber } from '../lib/format';
import type { Call } from '../lib/road';
import { t } from '../text';
import { Asked } from '../ui/Asked';
import { At, Go } from '../ui/bits';
import { fullness, LimitBar } from '../ui/LimitBar';
import { Page, Panel } from '../ui/Page';
import { Word } from '../ui/Word';
import { HourChart } from './overview/HourChart';

const o = t.overview;
const PAGE = 500;
const ALL = { params: { query: { limit: 500 } } };

export function Overview() {
  const [since] = useState(() => new Date(Date.now() - 86_400_000).toISOString());
  const calls = api.useQuery(
    'get',
    '/api/v1/calls',
    { params: { query: { since, limit: PAGE } } },
    { refetchInterval: 10_000 },
  );
  return (
    <Page title={o.title}>
      <Start />
      <Mine />
      <Asked query={calls} lines={8}>
        {({ items, next }) => (
          <Numbers calls={items} more={Boolean(next)} now={calls.dataUpdatedAt} />
        )}
      </Asked>
      <div className="cs-columns">
        <Limits />
        <Attention />
      </div>
    </Page>
  );
}

function Numbers({ calls, more, now }: { calls: Call[]; more: boolean; now: number }) {
  const hours = useMemo(() => perHour(calls, now), [calls, now]);
  const parts = (['allowed', 'waiting', 'denied', 'unknown'] as const).map((part) =>
    sumOf(hours, part),
  );
  const [, waiting = 0, denied = 0, unknown = 0] = parts;
  const all = parts.reduce((sum, part) => sum + part, 0);
  const [half, most] = [overhead(calls, 0.5), overhead(calls, 0.99)];
  const reached = calls.filter((call) => call.outcome).length;
  return (
    <Stack>
      <div className="cs-columns">
        <Panel title={o.calls}>
          <Text size="xl" fw={700}>
            <Go {...to.logs()}>{more ? o.atLeast(formatNumber(all)) : formatNumber(all)}</Go>
          </Text>
          <Group gap="md">
            <Go {...to.logs({ decision: 'denied' })}>
              <Word kind="denied">{o.denied(formatNumber(denied))}</Word>
            </Go>
            <Go {...to.logs({ decision: 'held' })}>
              <Word kind="waiting">{o.waiting(formatNumber(waiting))}</Word>
            </Go>
            <Go {...to.logs({ outcome: 'unknown' })}>
              <Word kind="unknown">{o.unknown(formatNumber(unknown))}</Word>
            </Go>
          </Group>
        </Panel>
        <Panel title={o.overhead}>
          {half === undefined || most === undefined ? (
            <Text c="dimmed">{o.noCalls}</Text>
          ) : (
            <>
              <Text size="xl" fw={700}>
                {o.p50(formatMicros(half))}
              </Text>
              <Text size="sm">
                {o.p99(formatMicros(most))}{' '}
                <Text span size="sm" c="dimmed">
                  {o.ofLast(formatNumber(reached))}
                </Text>
              </Text>
            </>
          )}
        </Panel>
        <Record />
      </div>
      {more && (
        <Text size="sm" c="dimmed">
          {o.loaded(formatNumber(calls.length))}
        </Text>
      )}
      <Decisions hours={hours} />
      <Denying calls={calls} />
    </Stack>
  );
}

/** How long the log is, and when it was signed last. */
function Record() {
  const points = api.useQuery(
    'get',
    '/api/v1/checkpoints',
    { params: { query: { limit: 1 } } },
    { refetchInterval: 30_000 },
  );
  const last = points.data?.items[0];
  return (
    <Panel title={o.record}>
      {last ? (
        <>
          <Text size="xl" fw={700}>
            {o.entries(formatNumber(last.size))}
          </Text>
          <Text size="sm">
            {o.signed} <At at={last.at} as="distance" />
          </Text>
        </>
      ) : (
        <Text c="dimmed">{points.isPending ? t.states.loading : t.states.none}</Text>
      )}
    </Panel>
  );
}

function Decisions({ hours }: { hours: Hour[] }) {
  const [table, setTable] = useState(false);
  return (
    <Panel
      title={o.perHour}
      aside={
        <Button size="compact-sm" variant="default" onClick={() => setTable(!table)}>
          {table ? o.asChart : o.asTable}
        </Button>
      }
    >
      {table ? (
        <Table.ScrollContainer minWidth={360} mah={320} type="native" tabIndex={0}>
          <Table aria-label={o.perHour}>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>{o.hour}</Table.Th>
                {(['allowed', 'waiting', 'denied', 'unknown'] as const).map((kind) => (
                  <Table.Th key={kind}>{t.words[kind]}</Table.Th>
                ))}
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {hours.map((hour) => (
                <Table.Tr key={hour.at}>
                  <Table.Td>
                    <At at={new Date(hour.at).toISOString()} />
                  </Table.Td>
                  {[hour.allowed, hour.waiting, hour.denied, hour.unknown].map((n, at) => (
                    <Table.Td key={at}>{formatNumber(n)}</Table.Td>
                  ))}
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      ) : (
        <HourChart hours={hours} />
      )}
    </Panel>
  );
}

function Denying({ calls }: { calls: Call[] }) {
  const rules = useMemo(() => denying(calls), [calls]);
  return (
    <Panel title={o.rules}>
      {rules.length === 0 ? (
        <Text size="sm" c="dimmed">
          {o.noRules}
        </Text>
      ) : (
        <Table aria-label={o.rules}>
          <Table.Tbody>
            {rules.map(({ rule, tool, count }) => (
              <Table.Tr key={rule + tool}>
                <Table.Td className="cs-mono">
                  <Go
                    {...to.logs({
                      rule,
                      decision: 'denied',
                      ...(rule.startsWith('/') ? {} : { tool }),
                    })}
                  >
                    {rule}
                  </Go>{' '}
                  {rule.startsWith('/') ? '' : tool}
                </Table.Td>
                <Table.Td ta="right">{formatNumber(count)}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      )}
    </Panel>
  );
}

function Limits() {
  const grants = api.useQuery('get', '/api/v1/grants', ALL);
  const living = (grants.data?.items ?? [])
    .filter((grant) => grant.state === 'active')
    .slice(0, 50);
  const usage = useQueries({
    queries: living.map((grant) =>
      api.queryOptions('get', '/api/v1/grants/{id}/usage', { params: { path: { id: grant.id } } }),
    ),
  });
  const limits = living
    .flatMap((grant, at) => (usage[at]?.data?.items ?? []).map((limit) => ({ grant, limit })))
    .sort((a, b) => fullness(b.limit) - fullness(a.limit))
    .slice(0, 5);
  return (
    <Panel title={o.limits}>
      {limits.length === 0 ? (
        <Text size="sm" c="dimmed">
          {o.noLimits}
        </Text>
      ) : (
        <Stack gap="sm">
          {limits.map(({ grant, limit }) => (
            <div key={grant.id + limit.rule + limit.per.map((part) => part.value).join()}>
              <Group justify="space-between" gap="xs">
                <Text size="sm">
                  <Go {...to.grant(grant.id)}>{grant.label}</Go> · {limit.counter}
                </Text>
                <Text size="sm">
                  {formatDecimal(limit.left)} {t.grants.detail.left}{' '}
                  {t.grants.detail.of(formatDecimal(limit.max))}
                </Text>
              </Group>
              <LimitBar limit={limit} />
            </div>
          ))}
        </Stack>
      )}
    </Panel>
  );
}

const SOON = 7 * 86_400_000;

function Attention() {
  const review = useToolsToReview();
  const grants = api.useQuery('get', '/api/v1/grants', ALL);
  const servers = api.useQuery('get', '/api/v1/servers', ALL);
  const [now] = useState(() => Date.now());
  const doubtful = api.useQuery('get', '/api/v1/reservations', {
    params: { query: { limit: 500 } },
  });
  const doubts = doubtful.data?.items.length ?? 0;
  const active = (grants.data?.items ?? []).filter(
    (grant) => grant.state === 'active' && !grant.expired,
  );
  const lines = [
    ...(doubts > 0
      ? [
          <Go key="unknown" {...to.logs({ outcome: 'unknown' })}>
            {unknown.attention(doubts)}
          </Go>,
        ]
      : []),
    ...(review > 0
      ? [
          <Go key="tools" {...to.tools()}>
            {o.toolChanged(review)}
          </Go>,
        ]
      : []),
    ...(servers.data?.items ?? [])
      .filter((server) => server.enabled && server.health && server.health !== 'ok')
      .map((server) => (
        <Go key={server.id} {...to.server(server.slug)}>
          {o.serverFails(server.slug, server.health ?? '')}
        </Go>
      )),
    ...active.flatMap((grant) =>
      grant.servers
        .filter((reach) => !reach.policy)
        .map((reach) => (
          <Go key={grant.id + reach.server.id} {...to.grant(grant.id)}>
            {o.grantWithout(grant.label, reach.server.name)}
          </Go>
        )),
    ),
    ...active
      .filter((grant) => grant.expires_at && Date.parse(grant.expires_at) - now < SOON)
      .map((grant) => (
        <span key={`${grant.id} ends`}>
          <Go {...to.grant(grant.id)}>{o.grantEnds(grant.label)}</Go>{' '}
          <At at={grant.expires_at ?? ''} as="distance" />
        </span>
      )),
  ];
  return (
    <Panel title={o.attention}>
      {lines.length === 0 ? (
        <Text size="sm" c="dimmed">
          {o.nothing}
        </Text>
      ) : (
        <ul style={{ margin: 0, paddingLeft: 18 }}>
          {lines.map((line) => (
            <li key={line.key}>{line}</li>
          ))}
        </ul>
      )}
    </Panel>
  );
}

/** Calls that wait for the person who looks. */
function Mine() {
  const now = useNow();
  const mine = api.useQuery(
    'get',
    '/api/v1/approvals',
    { params: { query: { which: 'mine', limit: 500 } } },
    { refetchInterval: 10_000 },
  );
  const items = mine.data?.items ?? [];
  if (items.length === 0) return null;
  const oldest = items.reduce((a, b) => (a.created_at < b.created_at ? a : b));
  const next = Math.min(...items.map((row) => leftOf(row.seconds_left, mine.dataUpdatedAt, now)));
  return (
    <Panel title={o.mine(items.length)}>
      <Group justify="space-between">
        <Text size="sm">
          {o.oldest} <At at={oldest.created_at} as="distance" /> · {o.nextEnds(formatLeft(next))}
        </Text>
        <Go {...(items.length === 1 ? to.approval(oldest.id) : to.approvals())}>{o.toMine}</Go>
      </Group>
    </Panel>
  );
}

/** The first run, until there is a grant that was used. */
function Start() {
  const grants = api.useQuery('get', '/api/v1/grants', ALL);
  if (!grants.data || grants.data.items.length > 0) return null;
  return (
    <Panel title={o.start}>
      <Text size="sm" mb="sm">
        {o.startText}
      </Text>
      <Go {...to.welcome()}>{o.startGo}</Go>
    </Panel>
  );
}
