// The road of a call, step by step, from what its line in the log says.
import type { Schemas } from '../api/client';

export type Call = Schemas['CallOut'];
export type Step = 'receive' | 'grant' | 'parse' | 'decide' | 'reserve' | 'forward' | 'settle';
export type Mark = 'passed' | 'stopped' | 'waits' | 'open';

/** The steps a call came to, and how each ended; steps that it never met are left out. */
export function road(call: Call): [Step, Mark][] {
  const met: [Step, Mark][] = [
    ['receive', 'passed'],
    ['grant', 'passed'],
    ['parse', 'passed'],
  ];
  if (call.decision !== 'allowed') {
    return [...met, ['decide', call.decision === 'held' ? 'waits' : 'stopped']];
  }
  met.push(['decide', 'passed'], ['reserve', 'passed']);
  const outcome = call.outcome?.class;
  if (outcome === undefined) return [...met, ['forward', 'open']];
  if (outcome === 'not_sent') return [...met, ['forward', 'stopped']];
  if (outcome === 'unknown') return [...met, ['forward', 'open'], ['settle', 'open']];
  return [...met, ['forward', 'passed'], ['settle', 'passed']];
}

/** What became of what a call took from its limits. */
export type Charge = 'held' | 'counted' | 'returned' | 'toolFailed' | 'unknown';

/** The end of a call's reservations, as far as its outcome alone says it. */
export function chargeOf(call: Pick<Call, 'outcome'>): Charge {
  switch (call.outcome?.class) {
    case undefined:
    case 'input_required':
      return 'held';
    case 'completed':
      return 'counted';
    case 'upstream_error':
    case 'not_sent':
      return 'returned';
    case 'tool_failed':
      return 'toolFailed';
    default:
      return 'unknown';
  }
}
