// How often a rule decided in the last seven days: small bars, the sum, and the way to the calls.
import { Text } from '@mantine/core';
import { useContext } from 'react';
import { to } from '../app/links';
import { formatNumber } from '../lib/format';
import { ASKED_A_DAY_MAX, asksOften, heights, isWhole, logsOf, countedOf } from '../lib/use';
import { t } from '../text';
import { Go } from '../ui/bits';
import { UsedContext } from './context';
import { stepsOf } from './document';
import type { List } from './language';
import { rulePath } from './reading';

const u = t.builder.use;
const HEIGHT = 16;
const STEP = 6;

/** Seven bars. The words beside them say the same. */
function Spark({ counts, fill }: { counts: number[]; fill: 'denied' | 'waiting' }) {
  return (
    <svg width={counts.length * STEP - 1} height={HEIGHT} aria-hidden>
      {heights(counts, HEIGHT).map((height, at) => (
        <rect
          key={at}
          x={at * STEP}
          y={HEIGHT - Math.max(1, height)}
          width={STEP - 1}
          height={Math.max(1, height)}
          fill={height === 0 ? 'var(--cs-border)' : `var(--cs-fill-${fill})`}
        />
      ))}
    </svg>
  );
}

interface Props {
  /** The pointer, or the engine's name for its answer. */
  rule: string;
  /** What it says, for those who do not see where it stands. */
  says: string;
  list?: List | undefined;
}

export function RuleUse({ rule, says, list }: Props) {
  const used = useContext(UsedContext);
  if (!used) return null;
  const found = countedOf(used.counts, rule);
  if (!found || found.total === 0) {
    // A rule of the draft alone has decided nothing because nobody was judged by it.
    const isLive = rulePath(used.live, rule)?.length === stepsOf(rule).length;
    return isLive && isWhole(used.counts) ? (
      <Text span size="xs" c="dimmed" className="builder-use">
        {u.inWeek('0', true)}
      </Text>
    ) : null;
  }
  const sum = u.inWeek(formatNumber(found.total), used.counts.complete);
  const days = found.counts.join(', ');
  return (
    <Go
      {...to.logs(logsOf(used.policy, used.counts, found) ?? {})}
      className="builder-use"
      aria-label={u.byDay(sum, days, says)}
    >
      <Spark counts={found.counts} fill={list === 'approve_if' ? 'waiting' : 'denied'} />
      <span>{sum}</span>
    </Go>
  );
}

/** What to do about a rule that asks people so often that they may stop reading. */
export function AsksOften({ rule }: { rule: string }) {
  const used = useContext(UsedContext);
  const found = used && countedOf(used.counts, rule);
  if (!found || !asksOften(used.counts, found)) return null;
  return (
    <Text size="xs" mt={4}>
      {u.asksOften(formatNumber(found.held), ASKED_A_DAY_MAX)}
    </Text>
  );
}
