// Calls that wait for people: mine, others', decided. A row shows no value of a call.
import { Stack, Tabs, Text } from '@mantine/core';
import { useQueries } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { api, type Schemas } from '../api/client';
import { WHOLE } from '../api/whole';
import { to, type Which } from '../app/links';
import { formatNumber } from '../lib/format';
import { formatLeft, leftOf, useNow } from '../lib/left';
import { oftenOf } from '../lib/often';
import { approvals as a } from '../text/approvals';
import { Asked, Empty } from '../ui/Asked';
import { At, Go } from '../ui/bits';
import { Page } from '../ui/Page';
import { Word } from '../ui/Word';
import { kindOf } from './approvals/state';
import './approvals/approvals.css';

type Row = Schemas['ApprovalRow'];
const TABS: Which[] = ['mine', 'others', 'decided'];

export function Approvals() {
  const { which = 'mine' } = useSearch({ from: '/inside/approvals' });
  const navigate = useNavigate();
  const query = api.useQuery(
    'get',
    '/api/v1/approvals',
    { params: { query: { which, ...WHOLE } } },
    { refetchInterval: 5_000 },
  );
  return (
    <Page title={a.title} about={a.about}>
      <Tabs
        value={which}
        onChange={(tab) => void navigate(to.approvals((tab ?? 'mine') as Which))}
        keepMounted={false}
      >
        <Tabs.List mb="md">
          {TABS.map((tab) => (
            <Tabs.Tab key={tab} value={tab} mih={44}>
              {a.tabs[tab]}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <Tabs.Panel value={which}>
          <Asked query={query}>
            {({ items }) => <Rows items={items} which={which} asOf={query.dataUpdatedAt} />}
          </Asked>
        </Tabs.Panel>
      </Tabs>
    </Page>
  );
}

function Rows({ items, which, asOf }: { items: Row[]; which: Which; asOf: number }) {
  const now = useNow();
  if (items.length === 0) {
    const text = { mine: a.emptyText, others: a.emptyOthers, decided: a.emptyDecided }[which];
    return <Empty title={a.empty[which]} text={text} />;
  }
  return (
    <Stack>
      <Often now={now} />
      <ul className="cs-rows">
        {items.map((row) => (
          <li key={row.id} className="cs-panel">
            <div style={{ minWidth: 0 }}>
              <Text fw={600} style={{ overflowWrap: 'anywhere' }}>
                <Go {...to.approval(row.id)}>{row.tool}</Go>
              </Text>
              <Text size="sm" style={{ overflowWrap: 'anywhere' }}>
                {row.grant.name} → {row.server.name} {row.asked > 1 && `· ${a.asked(row.asked)}`}
              </Text>
              <Text size="sm" c="dimmed" className="cs-mono">
                {row.rule}
              </Text>
            </div>
            <div style={{ textAlign: 'right', overflowWrap: 'anywhere' }}>
              <Word kind={kindOf(row.state)}>{a.states[row.state] ?? row.state}</Word>
              {row.state === 'pending' || row.state === 'approved' ? (
                <Text size="sm" className="cs-left">
                  {a.left(formatLeft(leftOf(row.seconds_left, asOf, now)))}
                </Text>
              ) : (
                <Text size="sm" c="dimmed">
                  {row.ended_at && <At at={row.ended_at} as="distance" />}
                </Text>
              )}
              {row.decisions.map((said) => (
                <Text key={said.by.id} size="sm" c="dimmed">
                  {said.by.name} {a.one.saidWord[said.said]}
                </Text>
              ))}
            </div>
          </li>
        ))}
      </ul>
    </Stack>
  );
}

/** Rules that ask so often that nobody reads any more: counted over what waits and what was decided. */
function Often({ now }: { now: number }) {
  const lists = useQueries({
    queries: TABS.map((which) => ({
      ...api.queryOptions('get', '/api/v1/approvals', { params: { query: { which, ...WHOLE } } }),
      staleTime: 60_000,
    })),
  });
  const rows = lists.flatMap(({ data }) => data?.items ?? []);
  const whole = lists.every(({ data }) => data !== undefined && !data.next);
  return oftenOf(rows, now).map(({ row, n }) => (
    <Text key={row.id} size="sm" className="cs-panel">
      {a.tune(row.rule, formatNumber(n), whole)}{' '}
      <Go {...to.version(row.policy, row.policy_version, row.rule)}>{a.tuneGo}</Go>
    </Text>
  ));
}
