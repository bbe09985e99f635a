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
