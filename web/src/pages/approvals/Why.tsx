// Why a person is asked: the rule in the version that asked, whom it asks, what was said, and what the
// call would bring each limit to.
import { Alert, Stack, Text } from '@mantine/core';
import type { Schemas } from '../../api/client';
import { to } from '../../app/links';
import { formatDecimal } from '../../lib/format';
import { seen } from '../../lib/hidden';
import { approvals } from '../../text/approvals';
import { At, Facts, Go } from '../../ui/bits';
import { Panel } from '../../ui/Page';
import { Shown } from '../../ui/Shown';
import { whom } from './state';

const o = approvals.one;
type Full = Schemas['ApprovalFull'];

export function Why({ row }: { row: Full }) {
  const facts: [string, React.ReactNode][] = row.needs.flatMap((need) => [
    [
      o.asks,
      <Go key={need.rule} {...to.version(row.policy, row.policy_version, need.rule)}>
        <span className="cs-mono">
          <Shown text={seen(need.rule)} />
        </span>{' '}
        · v{row.policy_version}
      </Go>,
    ] as [string, React.ReactNode],
    [whom(need), o.signers(need.count)] as [string, React.ReactNode],
    ...(need.message
      ? [
          [o.message, <Shown key={need.rule} text={seen(need.message)} />] as [
            string,
            React.ReactNode,
          ],
        ]
      : []),
  ]);
  return (
    <Panel title={o.why}>
      <Facts
        of={[
          ...facts,
          [o.askedBy, <At key="at" at={row.created_at} as="distance" />],
          [o.times, o.timesText(row.asked)],
          [
            o.theCall,
            <Go key="call" {...to.call(row.asked_by)}>
              {o.fromCall}
            </Go>,
          ],
        ]}
      />
    </Panel>
  );
}

/** Everybody the rule asks; whoever cannot, with the reason. */
export function People({ row }: { row: Full }) {
  const able = row.people.filter((person) => !person.barred);
  return (
    <Panel title={row.state === 'pending' ? o.may : o.said}>
      <Stack gap={4}>
        {row.state === 'pending' &&
          able.map((person) => (
            <Text key={person.member.id} size="sm">
              {person.member.name}
            </Text>
          ))}
        {row.state === 'pending' && able.length === 0 && (
          <Text size="sm" fw={600}>
            {o.nobody}
          </Text>
        )}
        {row.state === 'pending' &&
          row.people
            .filter((person) => person.barred && person.barred.code !== 'decided')
            .map((person) => (
              <Text key={person.member.id} size="sm" c="dimmed">
                {person.member.name}: {person.barred?.text}
              </Text>
            ))}
        {row.decisions.map((said) => (
          <Text key={said.by.id} size="sm">
            {said.by.name} {o.saidWord[said.said]} <At at={said.at} as="distance" />
            {said.note && (
              <>
                {': '}
                <bdi>
                  “<Shown text={seen(said.note)} />”
                </bdi>
              </>
            )}
          </Text>
        ))}
      </Stack>
    </Panel>
  );
}

/** What would become of the call now, and what each limit would stand at. */
export function Effect({ would }: { would: Schemas['Would'] }) {
  return (
    <Panel title={o.effect}>
      <Stack gap="xs">
        {would.outcome === 'deny' && <Warning text={o.wouldDeny(would.rule)} />}
        {would.outcome === 'hold' && <Warning text={o.wouldHold(would.rule)} />}
        {would.outcome === 'allow' && would.limits.length === 0 && (
          <Text size="sm">{o.noLimits}</Text>
        )}
        {would.limits.map((limit) => (
          <div key={limit.rule + limit.counter}>
            <Text size="sm" fw={600} style={{ fontVariantNumeric: 'tabular-nums' }}>
              {o.limit(
                limit.counter,
                formatDecimal(limit.before),
                formatDecimal(limit.after),
                formatDecimal(limit.max),
              )}
            </Text>
            <Bar limit={limit} />
            {!limit.fits && <Warning text={o.full} />}
          </div>
        ))}
      </Stack>
    </Panel>
  );
}

function Bar({ limit }: { limit: Schemas['LimitEffect'] }) {
  const share = (text: string) => Math.min(1, Number(text) / (Number(limit.max) || 1)) * 100;
  const [before, after] = [share(limit.before), share(limit.after)];
  return (
    <svg width="100%" height="8" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden>
      <rect width="100" height="8" fill="var(--cs-track)" />
      <rect width={before} height="8" fill="var(--cs-fill-allowed)" />
      <rect
        x={before}
        width={Math.max(0, after - before)}
        height="8"
        fill="var(--cs-fill-waiting)"
      />
    </svg>
  );
}

function Warning({ text }: { text: string }) {
  return (
    <Alert color="red" variant="outline" p="xs">
      {text}
    </Alert>
  );
}
