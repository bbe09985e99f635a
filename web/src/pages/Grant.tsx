// One grant: what it reaches, what its limits have left, and what can be done with it.
import { Alert, Group, Stack, Text } from '@mantine/core';
import { useParams } from '@tanstack/react-router';
import { useState } from 'react';
import { api, type Schemas } from '../api/client';
import { to } from '../app/links';
import { formatDecimal } from '../lib/format';
import { t } from '../text';
import { Asked } from '../ui/Asked';
import { At, Facts, Go } from '../ui/bits';
import { LimitBar } from '../ui/LimitBar';
import { Page, Panel } from '../ui/Page';
import { unknown } from '../text/account';
import { UnknownCalls } from '../ui/Unknown';
import { stateOf } from './Grants';
import { Actions } from './grants/Actions';
import { Judged } from './grants/Judged';
import { Snippets } from './grants/Snippets';
import { TokenOnce } from './grants/TokenOnce';
import { Traces } from './grants/Traces';

const d = t.grants.detail;

export function Grant() {
  const { id } = useParams({ from: '/inside/grants/$id' });
  const query = api.useQuery('get', '/api/v1/grants/{id}', { params: { path: { id } } });
  return <Asked query={query}>{(grant) => <Detail grant={grant} />}</Asked>;
}

function Detail({ grant }: { grant: Schemas['GrantOut'] }) {
  const [made, setMade] = useState<Schemas['GrantMade']>();
  const state = stateOf(grant);
  return (
    <Page
      title={grant.label}
      above={<Go {...to.grants()}>{t.grants.title}</Go>}
      about={
        <>
          {grant.servers.map((reach) => (
            <div key={reach.server.id}>
              <Go {...to.server(reach.server.name)}>{reach.server.name}</Go> ·{' '}
              <Judged by={reach.policy} />
            </div>
          ))}
          <div>
            {state !== 'expired' && `${t.grants.state[state]} · `}
            {grant.expires_at ? (
              <Ends at={grant.expires_at} over={grant.expired} />
            ) : (
              t.grants.noEnd
            )}{' '}
            ·{' '}
            {grant.last_call_at ? (
              <>
                {d.lastCall} <At at={grant.last_call_at} as="distance" />
              </>
            ) : (
              d.noCall
            )}{' '}
            · {d.owned(grant.owner?.name ?? d.noOwner)}
          </div>
          <div>
            <Traces tokens={grant.tokens} />
          </div>
        </>
      }
      actions={<Actions grant={grant} rotated={setMade} />}
    >
      {grant.state === 'revoked' && <Alert color="gray">{d.revoked}</Alert>}
      {made && (
        <TokenOnce
          made={made}
          title={t.grants.token.rotated(grant.label)}
          done={() => setMade(undefined)}
        />
      )}
      <div
        style={{
          display: 'grid',
          gap: 16,
          gridTemplateColumns: 'repeat(auto-fit, minmax(min(100%, 420px), 1fr))',
        }}
      >
        <Limits id={grant.id} />
        <Panel title={d.facts}>
          <Facts
            of={[
              [t.grants.columns.identity, grant.identity],
              [
                d.calls,
                <Go key="c" {...to.logs({ grant: grant.label })}>
                  {t.logs.detail.ofGrant}
                </Go>,
              ],
              [d.created, <At key="m" at={grant.created_at} as="moment" />],
              ...(grant.not_before
                ? [
                    [d.notBefore, <At key="n" at={grant.not_before} as="moment" />] as [
                      string,
                      React.ReactNode,
                    ],
                  ]
                : []),
              [d.inFlight, String(grant.in_flight_max)],
              [
                d.tags,
                Object.entries(grant.tags)
                  .map(([key, value]) => `${key}=${value}`)
                  .join(', ') || t.states.none,
              ],
            ]}
          />
        </Panel>
      </div>
      <Panel title={d.connect}>
        <Text size="sm" c="dimmed" mb="sm">
          {d.connectAbout}
        </Text>
        <Snippets grant={grant} token={d.tokenPlace} />
      </Panel>
    </Page>
  );
}

/** When the grant ends, or ended. */
function Ends({ at, over }: { at: string; over: boolean }) {
  return (
    <>
      {over ? d.ended : d.ends} <At at={at} as="distance" />
    </>
  );
}

function Limits({ id }: { id: string }) {
  const query = api.useQuery(
    'get',
    '/api/v1/grants/{id}/usage',
    { params: { path: { id } } },
    { refetchInterval: 10_000 },
  );
  return (
    <Panel title={d.limits}>
      <Asked query={query}>
        {({ items, unknown: doubtful, more_unknown: more }) => (
          <Stack gap="md">
            {doubtful.length > 0 && (
              <section aria-label={unknown.title}>
                <Text size="sm" fw={600} c="var(--cs-unknown)">
                  {unknown.title}
                </Text>
                <Text size="sm" mb="xs">
                  {unknown.about}
                </Text>
                <UnknownCalls items={doubtful} />
                {more && <Text size="sm">{unknown.more}</Text>}
              </section>
            )}
            {items.length === 0 ? (
              <Text size="sm" c="dimmed">
                {d.noLimits}
              </Text>
            ) : (
              <Stack gap="md">
                {items.map((limit) => (
                  <div key={limit.rule + limit.per.map((part) => part.value).join()}>
                    <Group justify="space-between" gap="xs">
                      <Text size="sm" fw={600}>
                        {limit.counter} · {limit.window}
                        {limit.per.map((part) => ` · ${part.value ?? '*'}`)}
                      </Text>
                      <Text size="sm">{d.of(formatDecimal(limit.max))}</Text>
                    </Group>
                    <LimitBar limit={limit} />
                    <Text size="xs" c="dimmed" style={{ overflowWrap: 'anywhere' }}>
                      {d.summary(
                        ...([limit.used, limit.held, limit.unknown, limit.left].map(
                          formatDecimal,
                        ) as [string, string, string, string]),
                      )}
                      {limit.resets_at && (
                        <>
                          {' · '}
                          {d.resets} <At at={limit.resets_at} as="distance" />
                        </>
                      )}
                      {' · '}
                      <Go {...to.logs({ rule: limit.rule })}>{limit.rule}</Go>
                    </Text>
                  </div>
                ))}
              </Stack>
            )}
          </Stack>
        )}
      </Asked>
    </Panel>
  );
}
