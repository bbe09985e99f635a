// What needs me, is it working, what is running out.
import { Button, Group, Stack, Table, Text } from '@mantine/core';
import { useQueries } from '@tanstack/react-query';
import { useState } from 'react';
import { api, type Schemas } from '../api/client';
import { ALL, WHOLE } from '../api/whole';
import { useToolsToReview } from '../app/badges';
import { formatLeft, leftOf, useNow } from '../lib/left';
import { unknown } from '../text/account';
import { to } from '../app/links';
import { allOf } from '../lib/counts';
import { doneOf, STEPS } from '../lib/first-run';
import { formatDecimal, formatNumber } from '../lib/format';
import { keep, kept } from '../lib/settings';
import { t } from '../text';
import { Asked, Loading } from '../ui/Asked';
import { At, Go } from '../ui/bits';
import { fullness, LimitBar } from '../ui/LimitBar';
import { Page, Panel } from '../ui/Page';
import { ProblemView } from '../ui/ProblemView';
import { Word } from '../ui/Word';
import { AGAIN, Decisions } from './overview/Decisions';
import { Overhead } from './overview/Overhead';

const o = t.overview;
const w = t.access.welcome;
const START_DISMISSED = 'first-run-dismissed';

export function Overview() {
  const calls = api.useQuery('get', '/api/v1/calls/summary', { params: { query: {} } }, AGAIN);
  return (
    <Page title={o.title}>
      <Start />
      <Mine />
      <Asked query={calls} lines={8}>
        {(sums) => <Numbers of={sums} />}
      </Asked>
      <div className="cs-columns">
        <Limits />
        <Attention />
      </div>
    </Page>
  );
}

function Numbers({ of }: { of: Schemas['CallsSummaryOut'] }) {
  const { all, hours, rules, complete } = of;
  const count = formatNumber(allOf(all));
  return (
    <Stack>
      <div className="cs-columns">
        <Panel title={o.calls}>
          <Text size="xl" fw={700}>
            <Go {...to.logs()}>{complete ? count : o.atLeast(count)}</Go>
          </Text>
          <Group gap="md">
            <Go {...to.logs({ decision: 'denied' })}>
              <Word kind="denied">{o.denied(formatNumber(all.denied))}</Word>
            </Go>
            <Go {...to.logs({ decision: 'held' })}>
              <Word kind="waiting">{o.waiting(formatNumber(all.held))}</Word>
            </Go>
            <Go {...to.logs({ outcome: 'unknown' })}>
              <Word kind="unknown">{o.unknown(formatNumber(all.unknown))}</Word>
            </Go>
          </Group>
        </Panel>
        <Overhead all={all} hours={hours} />
        <Record />
      </div>
      {!complete && (
        <Text size="sm" c="dimmed">
          {o.loaded}
        </Text>
      )}
      <Decisions />
      <Denying rules={rules} />
    </Stack>
  );
}

/** How long the log is, when it was signed last, and when somebody else saw it. */
function Record() {
  const points = api.useQuery(
    'get',
    '/api/v1/checkpoints',
    { params: { query: { limit: 1 } } },
    { refetchInterval: 30_000 },
  );
  const witnessed = api.useQuery(
    'get',
    '/api/v1/checkpoints/witnessed',
    {},
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
          {witnessed.data && (
            <Text size="sm">
              {witnessed.data.at ? (
                <>
                  {o.witnessed} <At at={witnessed.data.at} as="distance" />
                </>
              ) : (
                o.neverWitnessed
              )}
            </Text>
          )}
        </>
      ) : (
        <Text c="dimmed">{points.isPending ? t.states.loading : t.states.none}</Text>
      )}
    </Panel>
  );
}

function Denying({ rules }: { rules: Schemas['RuleSumOut'][] }) {
  return (
    <Panel title={o.rules}>
      {rules.length === 0 ? (
        <Text size="sm" c="dimmed">
          {o.noRules}
        </Text>
      ) : (
        <Table aria-label={o.rules}>
          <Table.Tbody>
            {rules.map(({ policy, rule, tool, count }) => (
              <Table.Tr key={`${policy} ${rule} ${tool}`}>
                <Table.Td className="cs-mono">
                  <Go {...to.logs({ rule, decision: 'denied', tool: tool ?? undefined })}>
                    {rule}
                  </Go>{' '}
                  {tool}
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

/** How many grants' limits are looked at, the newest. */
const LOOKED_AT = 50;

function Limits() {
  const grants = api.useQuery('get', '/api/v1/grants', ALL);
  const all = (grants.data?.items ?? []).filter((grant) => grant.state === 'active');
  const living = all.slice(0, LOOKED_AT);
  const active = all.length;
  const usage = useQueries({
    queries: living.map((grant) =>
      api.queryOptions('get', '/api/v1/grants/{id}/usage', { params: { path: { id: grant.id } } }),
    ),
  });
  const limits = living
    .flatMap((grant, at) => (usage[at]?.data?.items ?? []).map((limit) => ({ grant, limit })))
    .sort((a, b) => fullness(b.limit) - fullness(a.limit))
    .slice(0, 5);
  const failed = usage.filter((one) => one.error).length;
  const waits = grants.isPending || usage.some((one) => one.isPending);
  return (
    <Panel title={o.limits}>
      {grants.error && <ProblemView error={grants.error} retry={() => void grants.refetch()} />}
      {failed > 0 && (
        <Text size="sm" role="alert" mb="sm">
          <Word kind="unknown">{o.limitsNotKnown(failed)}</Word>
        </Text>
      )}
      {active > living.length && (
        <Text size="sm" c="dimmed" mb="sm">
          {o.limitsOf(living.length, active)}
        </Text>
      )}
      {limits.length === 0 ? (
        waits ? (
          <Loading lines={2} />
        ) : (
          !grants.error &&
          failed === 0 && (
            <Text size="sm" c="dimmed">
              {o.noLimits}
            </Text>
          )
        )
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
/** How many tools are named; of more there is a count. */
const NAMED = 3;

function Attention() {
  const { waiting: review, known } = useToolsToReview();
  const grants = api.useQuery('get', '/api/v1/grants', ALL);
  const servers = api.useQuery('get', '/api/v1/servers', ALL);
  const [now] = useState(() => Date.now());
  const doubtful = api.useQuery('get', '/api/v1/reservations', ALL);
  const doubts = doubtful.data?.items.length ?? 0;
  const parts = { grants, servers, unknown: doubtful };
  const silent = Object.entries(parts).flatMap(([name, query]) =>
    query.error ? [o.parts[name as keyof typeof o.parts]] : [],
  );
  if (!known && !servers.isPending && !servers.error) silent.push(o.parts.tools);
  const waits = Object.values(parts).some((query) => query.isPending);
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
    ...review.slice(0, NAMED).map(({ server, tool, state }) => (
      <Go key={`${server} ${tool}`} {...to.server(server, 'tools', tool)}>
        {o.toolWaits[state](tool, server)}
      </Go>
    )),
    ...(review.length > NAMED
      ? [
          <Go key="tools" {...to.tools()}>
            {o.moreTools(review.length - NAMED)}
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
      {!waits && silent.length > 0 && (
        <Text size="sm" role="alert" mb="sm">
          <Word kind="unknown">{o.notKnown(silent)}</Word>
        </Text>
      )}
      {lines.length === 0 ? (
        waits ? (
          <Loading lines={2} />
        ) : (
          silent.length === 0 && (
            <Text size="sm" c="dimmed">
              {o.nothing}
            </Text>
          )
        )
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
    { params: { query: { which: 'mine', ...WHOLE } } },
    { refetchInterval: 10_000 },
  );
  const items = mine.data?.items ?? [];
  if (mine.error && !mine.data)
    return (
      <Panel title={t.shell.pages.approvals}>
        <ProblemView error={mine.error} retry={() => void mine.refetch()} />
      </Panel>
    );
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

/** The steps of the first run, until all are done or somebody wants no more of them. */
function Start() {
  const [dismissed, setDismissed] = useState(() => kept(START_DISMISSED, false));
  const grants = api.useQuery('get', '/api/v1/grants', ALL);
  const used = grants.data?.items.some((grant) => grant.last_call_at) ?? true;
  const open = { enabled: !used && !dismissed };
  const servers = api.useQuery('get', '/api/v1/servers', ALL, open);
  const policies = api.useQuery('get', '/api/v1/policies', ALL, open);
  const first = servers.data?.items[0]?.slug;
  const server = api.useQuery(
    'get',
    '/api/v1/servers/{id}',
    { params: { path: { id: first ?? '' } } },
    { enabled: open.enabled && first !== undefined },
  );
  if (!grants.data || used || dismissed) return null;
  const done = doneOf({
    server: first !== undefined,
    credential: server.data?.credential === true || (server.data?.tools?.present ?? 0) > 0,
    policy: policies.data?.items.some((policy) => policy.latest > 0) ?? false,
    grants: grants.data.items,
  });
  return (
    <Panel
      title={o.start}
      aside={
        <Button
          size="xs"
          variant="default"
          onClick={() => {
            keep(START_DISMISSED, true);
            setDismissed(true);
          }}
        >
          {o.startDismiss}
        </Button>
      }
    >
      <Text size="sm" mb="sm">
        {o.startText}
      </Text>
      <ol aria-label={o.startSteps} style={{ margin: '0 0 8px', paddingLeft: 22 }}>
        {STEPS.map((step) => (
          <li key={step}>
            {w.steps[step]}
            {done[step] && ` ✓ ${w.done}`}
          </li>
        ))}
      </ol>
      <Go {...to.welcome()}>{done.server ? o.startGoOn : o.startGo}</Go>
    </Panel>
  );
}
