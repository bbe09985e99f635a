// The lines of the log that a page holds: newest first, each once, with its latest outcome.
import type { Call } from './road';

/** Lines by index, newest first. */
export function merged(older: Call[], fresh: Call[], ended: Call[]): Call[] {
  const known = new Map<number, Call>();
  for (const call of [...older, ...fresh, ...ended]) {
    const before = known.get(call.index);
    // A line without its outcome never takes the place of one that has it.
    if (!before || call.outcome || !before.outcome) known.set(call.index, call);
  }
  return [...known.values()].sort((a, b) => b.index - a.index);
}
