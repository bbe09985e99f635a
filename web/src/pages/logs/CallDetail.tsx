// One call: which rule, what became of it, and the road it took.
import { Alert, Button, CopyButton, Group, Stack, Text } from '@mantine/core';
import { useNavigate } from '@tanstack/react-router';
import { api } from '../../api/client';
import { useCan } from '../../app/can';
import { to } from '../../app/links';
import { formatMicros, formatNumber } from '../../lib/format';
import { type Call, chargeOf, type Mark, road } from '../../lib/road';
import { t } from '../../text';
import { Asked } from '../../ui/Asked';
import { At, Facts, Go } from '../../ui/bits';
import { Guarded } from '../../ui/Guarded';
import { Resolve } from '../../ui/Unknown';
import { kindOfCall, Word } from '../../ui/Word';
import { unknown } from '../../text/account';
import { AgainAnswer, AgainButton, useAgain, useNewer } from './Again';
import { Proof } from './Proof';
import { useSaid } from './Said';

interface Props {
  id: string;
  known: Call | undefined;
  names: (policy: string) => string;
  close: () => void;
}

const SIGN: Record<Mark, string> = { passed: '✓', stopped: '✕', waits: '⧗', open: '?' };
const d = t.logs.detail;

export function CallDetail({ id, known, names, close }: Props) {
  const query = api.useQuery(
    'get',
    '/api/v1/calls/{id}',
    { params: { path: { id } } },
    { enabled: known === undefined },
  );
  return (
    <section className="cs-panel" aria-label={d.id} style={{ alignSelf: 'start' }}>
      <Asked query={known ? { ...query, data: known, error: null } : query}>
        {(call) => <Detail key={call.id} call={call} names={names} close={close} />}
      </Asked>
    </section>
  );
}

function Detail({ call, names, close }: { call: Call; names: Props['names']; close: () => void }) {
  const navigate = useNavigate();
  const { policy, outcome } = call;
  const linked = policy && call.rule.startsWith('/');
  const name = policy ? names(policy.id) : '';
  const may = useCan();
  const judged = policy && call.tool && call.method === 'tools/call';
  const { newer, latest } = useNewer(call);
  const again = useAgain(call, newer);
  const said = useSaid(call);
  return (
    <Stack gap="sm">
      <Group justify="space-between">
        <Group gap="sm">
          <At at={call.at} as="moment" />
          <Word kind={kindOfCall(call)} />
        </Group>
        <Button size="compact-sm" variant="default" onClick={close}>
          {d.close}
        </Button>
      </Group>
      {call.count > 1 && <Text size="sm">{d.folded(call.count)}</Text>}
      <Facts
        of={[
          [
            d.rule,
            call.rule === '' ? (
              d.noRule
            ) : linked ? (
              <Go
                {...to.version(name, policy.version, call.rule)}
                className="cs-mono"
                title={d.opens(policy.version)}
              >
                {call.rule}
              </Go>
            ) : (
              <span className="cs-mono">{call.rule}</span>
            ),
          ],
          ...(policy
            ? [
                [
                  t.logs.columns.version,
                  <Go
                    key="v"
                    {...to.version(name, policy.version)}
                  >{`${name} v${policy.version}`}</Go>,
                ] as [string, React.ReactNode],
              ]
            : []),
          ...(call.reason
            ? [[d.reason, call.reason.replaceAll('_', ' ')] as [string, string]]
            : []),
          ...(said !== undefined ? [[d.said, `“${said}”`] as [string, string]] : []),
          [d.road, <Road key="road" call={call} />],
          [
            d.outcome,
            outcome
              ? `${t.logs.outcomes[outcome.class as keyof typeof t.logs.outcomes] ?? outcome.class}${outcome.detail ? ` (${outcome.detail.replaceAll('_', ' ')})` : ''}`
              : call.decision === 'allowed'
                ? d.inFlight
                : d.neverLeft,
          ],
          ...(outcome
            ? [
                [
                  d.took,
                  d.of(formatMicros(outcome.took_micros), formatMicros(outcome.upstream_micros)),
                ] as [string, string],
              ]
            : []),
          [
            d.keys,
            <span key="keys">
              {call.known_args.length > 0 ? call.known_args.join(', ') : d.noKeys}
              {call.unknown_args > 0 && ` ${d.unknownArgs(call.unknown_args)}`}
              <Text size="xs" c="dimmed" component="span" display="block">
                {d.keysWhy}
              </Text>
            </span>,
          ],
          ...(call.charged.length > 0
            ? [
                [d.limits, `${call.charged.join(', ')}: ${d.charges[chargeOf(call)]}`] as [
                  string,
                  string,
                ],
              ]
            : []),
          [
            d.grant,
            <Go key="grant" {...to.grant(call.grant.id)}>
              {call.grant.name}
            </Go>,
          ],
          [d.identity, call.identity],
          [
            d.server,
            <Go key="server" {...to.server(call.server.name)}>
              {call.server.name}
            </Go>,
          ],
          [d.token, String(call.token_generation)],
          [d.speaks, call.version],
          [
            d.sizes,
            outcome
              ? d.bytes(formatNumber(call.request_bytes), formatNumber(outcome.response_bytes))
              : d.requestOnly(formatNumber(call.request_bytes)),
          ],
          [
            d.id,
            <span key="id" className="cs-mono">
              {call.id}
            </span>,
          ],
        ]}
      />
      {outcome?.class === 'unknown' && (
        <Stack gap="xs" align="flex-start">
          <Text size="sm">{unknown.aboutOne}</Text>
          <Resolve call={call.id} />
        </Stack>
      )}
      {outcome?.echo_removed && <Alert color="yellow">{d.echo}</Alert>}
      <Group gap="xs">
        {judged && (
          <>
            <Guarded
              size="xs"
              variant="default"
              may={may('draft_put')}
              onClick={() => void navigate(to.testOf(name, call.id))}
            >
              {d.makeTest}
            </Guarded>
            <AgainButton newer={newer} latest={latest} again={again} />
          </>
        )}
        <Button
          size="xs"
          variant="default"
          onClick={() => void navigate(to.logs({ grant: call.grant.name }))}
        >
          {d.ofGrant}
        </Button>
        {call.rule && (
          <Button
            size="xs"
            variant="default"
            onClick={() => void navigate(to.logs({ rule: call.rule }))}
          >
            {d.ofRule}
          </Button>
        )}
        <CopyButton value={location.href}>
          {({ copied, copy }) => (
            <Button size="xs" variant="default" onClick={copy}>
              {copied ? t.states.copied : d.copyLink}
            </Button>
          )}
        </CopyButton>
      </Group>
      <div role="status">{judged && <AgainAnswer call={call} policy={name} again={again} />}</div>
      <Proof key={call.id} call={call.id} />
    </Stack>
  );
}

function Road({ call }: { call: Call }) {
  return (
    <ol
      style={{
        display: 'flex',
        flexWrap: 'wrap',
        gap: '2px 10px',
        listStyle: 'none',
        margin: 0,
        padding: 0,
      }}
    >
      {road(call).map(([step, mark]) => (
        <li key={step} data-mark={mark}>
          {t.logs.steps[step]}{' '}
          <span aria-label={t.logs.marks[mark]} role="img">
            {SIGN[mark]}
          </span>
        </li>
      ))}
    </ol>
  );
}
