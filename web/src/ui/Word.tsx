// The five words of the product, each with its icon: never a colour alone.
import {
  IconBarrierBlock,
  IconCheck,
  IconEyeOff,
  IconHourglass,
  IconQuestionMark,
} from '@tabler/icons-react';
import { t } from '../text/core';

export type Kind = keyof typeof t.words;

const ICONS = {
  allowed: IconCheck,
  waiting: IconHourglass,
  denied: IconBarrierBlock,
  unknown: IconQuestionMark,
  hidden: IconEyeOff,
} as const;

export function Word({ kind, children }: { kind: Kind; children?: string }) {
  const Icon = ICONS[kind];
  return (
    <span className="cs-word" data-kind={kind}>
      <Icon size={16} stroke={2.2} aria-hidden />
      {children ?? t.words[kind]}
    </span>
  );
}

/** The word for a line of the log: what was decided, or that its outcome is not known. */
export function kindOfCall(call: { decision: string; outcome?: { class: string } | null }): Kind {
  if (call.decision === 'denied') return 'denied';
  if (call.decision === 'held') return 'waiting';
  return call.outcome?.class === 'unknown' ? 'unknown' : 'allowed';
}

export const kindOfOutcome = (outcome: string): Kind =>
  outcome === 'allow' ? 'allowed' : outcome === 'hold' ? 'waiting' : 'denied';
