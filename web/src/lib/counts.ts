// The sums that the server makes of its newest calls, as the charts take them.
import type { Schemas } from '../api/client';

export type Sum = Schemas['CallSumOut'];
export type Part = 'allowed' | 'waiting' | 'denied' | 'unknown';

export const PARTS = ['allowed', 'waiting', 'denied', 'unknown'] as const;
export const HOUR = 3_600_000;

/** How many decisions of a kind; folded lines count for all they stand for. */
export const countOf = (sum: Sum, part: Part): number =>
  part === 'waiting' ? sum.held : sum[part];

export const allOf = (sum: Sum): number => PARTS.reduce((all, part) => all + countOf(sum, part), 0);

/** Where an hour begins and ends, as the log is filtered by. */
export const hourOf = (sum: Sum): { since: string; until: string } => ({
  since: new Date(sum.at).toISOString(),
  until: new Date(Date.parse(sum.at) + HOUR).toISOString(),
});

/** Runs of neighbours that have a value, as places and values: a line is not drawn over a gap. */
export function runsOf(values: (number | null | undefined)[]): [number, number][][] {
  const runs: [number, number][][] = [];
  let open: [number, number][] | undefined;
  values.forEach((value, at) => {
    if (value === null || value === undefined) {
      open = undefined;
      return;
    }
    if (!open) runs.push((open = []));
    open.push([at, value]);
  });
  return runs;
}
