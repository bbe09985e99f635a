// Rules that ask so often that nobody reads any more.
import { ASKED_A_DAY_MAX } from './use';

const DAY = 86_400_000;

interface Asking {
  id: string;
  policy: string;
  rule: string;
  created_at: string;
}

export interface Often<T> {
  /** The newest that it asked for. */
  row: T;
  /** How many approvals it asked for within a day, each once, however often the agent repeated its call. */
  n: number;
}

/** The rules that asked for more than `ASKED_A_DAY_MAX` approvals in the day before `now`. */
export function oftenOf<T extends Asking>(rows: readonly T[], now: number): Often<T>[] {
  const counts = new Map<string, Often<T>>();
  const seen = new Set<string>();
  for (const row of rows) {
    if (seen.has(row.id) || now - Date.parse(row.created_at) >= DAY) continue;
    seen.add(row.id);
    const key = `${row.policy} ${row.rule}`;
    const { n, row: newest } = counts.get(key) ?? { n: 0, row };
    const later = Date.parse(row.created_at) > Date.parse(newest.created_at);
    counts.set(key, { n: n + 1, row: later ? row : newest });
  }
  return [...counts.values()].filter(({ n }) => n > ASKED_A_DAY_MAX);
}
