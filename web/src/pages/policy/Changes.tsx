// What a draft changes, exactly: each class of calls that ends otherwise, with one of them.
import { Anchor, Stack, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { http, type Schemas } from '../../api/client';
import { t } from '../../text';
import { Loading } from '../../ui/Asked';
import { ProblemView } from '../../ui/ProblemView';
import { kindOfOutcome, Word } from '../../ui/Word';
import './policy.css';

const c = t.policies.changes;

/** Nothing is live yet: every call is denied. */
const NOTHING = '{"version":"1","default":"deny"}';

export interface Witness {
  name: string;
  arguments?: unknown;
}

/** A text, or a version that is published. */
export type Judge = { text: string } | { policy: string; version: number };

/** A published version; where there is none, every call is denied. */
export const published = (policy: string | undefined, version: number): Judge =>
  policy !== undefined && version > 0 ? { policy, version } : { text: NOTHING };

/** Asks what differs between two judges, exactly. */
export function useChanges(from: Judge, to: Judge) {
  return useQuery({
    queryKey: ['exact-diff', from, to],
    queryFn: async () => {
      const { data } = await http.POST('/api/v1/policies/diff', { body: { from, to } });
      return data as Schemas['ExactDiffOut'];
    },
    staleTime: Infinity,
  });
}

/** What a text changes of a policy. */
export function Changes({ policy, text }: { policy: Schemas['PolicyWhole']; text: string }) {
  return <Found of={useChanges(published(policy.id, policy.latest), { text })} />;
}

/** What was asked, once it is answered. */
export function Found({ of: query }: { of: ReturnType<typeof useChanges> }) {
  if (query.error) return <ProblemView error={query.error} />;
  if (!query.data) return <Loading lines={3} />;
  return <Differences of={query.data} />;
}

function Differences({ of }: { of: Schemas['ExactDiffOut'] }) {
  const [all, setAll] = useState(false);
  // What opens first, then what ends otherwise, then what only another rule stops.
  const order = (change: Schemas['ChangeOut']) =>
    change.opens ? 0 : change.from.outcome !== change.to.outcome ? 1 : 2;
  const changes = [...of.changes].sort((a, b) => order(a) - order(b));
  const shown = all ? changes : changes.slice(0, SHOWN);
  return (
    <Stack gap="sm">
      {of.same && <Text size="sm">{c.same}</Text>}
      {!of.same && (
        <Text fw={600} role="status" c={of.more_open ? 'var(--cs-denied)' : 'var(--cs-allowed)'}>
          {of.more_open
            ? c.moreOpen(of.changes.filter((change) => change.opens).length)
            : c.notMoreOpen}
        </Text>
      )}
      {of.changes.length > 0 && (
        <ul className="cs-changes">
          {shown.map((change, at) => (
            <li key={at} data-opens={change.opens}>
              <Change of={change} />
            </li>
          ))}
        </ul>
      )}
      {of.changes.length > shown.length && (
        <Anchor component="button" size="sm" onClick={() => setAll(true)}>
          {c.more(of.changes.length - shown.length)}
        </Anchor>
      )}
      {of.not_known.map((unknown) => (
        <Text size="sm" key={unknown.tool + unknown.reason}>
          <Word kind="unknown">{c.notKnown}</Word> {unknown.tool && <b>{unknown.tool}: </b>}
          {unknown.reason}
        </Text>
      ))}
    </Stack>
  );
}

const SHOWN = 12;

function Change({ of }: { of: Schemas['ChangeOut'] }) {
  const witness = of.witness as Witness | null;
  return (
    <>
      <div className="cs-change-head">
        <span style={{ whiteSpace: 'nowrap' }}>
          <Word kind={kindOfOutcome(of.from.outcome)} /> →{' '}
          <Word kind={kindOfOutcome(of.to.outcome)} />
        </span>
        <b className="cs-mono">{of.tool}</b>
        <span>{of.when || c.everyCall}</span>
        {of.opens && (
          <Text span size="sm" fw={600} c="var(--cs-denied)">
            {c.opens}
          </Text>
        )}
      </div>
      {(of.from.rule || of.to.rule) && (
        <Text size="xs" c="dimmed" className="cs-mono">
          {of.from.rule || c.noRule} → {of.to.rule || c.noRule}
        </Text>
      )}
      {(of.from.approvals.length > 0 || of.to.approvals.length > 0) && (
        <Text size="xs" c="dimmed">
          {c.people(people(of.from.approvals), people(of.to.approvals))}
        </Text>
      )}
      {witness && <Example of={witness} />}
    </>
  );
}

const people = (needs: Schemas['ApprovalNeedOut'][]): string =>
  needs.length === 0
    ? c.nobody
    : needs
        .map((need) => t.policies.simulate.approval(need.count, need.approvers.join(', ')))
        .join('; ');

/** A call as an example: on one line, as it would be sent, with what else it rests on. */
export function Example({ of }: { of: Witness }) {
  const rest = Object.entries(of).filter(([key]) => key !== 'name' && key !== 'arguments');
  return (
    <Text size="xs" className="cs-mono">
      {c.example} {JSON.stringify(of.arguments ?? {})}
      {rest.map(([key, value]) => ` · ${key} ${JSON.stringify(value)}`)}
    </Text>
  );
}
