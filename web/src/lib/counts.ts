// What the newest calls add up to: decisions an hour, rules that denied, and the time we add.
import type { Call } from './road';

export interface Hour {
  /** The start of the hour, in milliseconds. */
  at: number;
  allowed: number;
  waiting: number;
  denied: number;
  unknown: number;
}

export const HOUR = 3_600_000;

/** 24 hours up to now, the latest last. A folded line counts for all it stands for. */
export function perHour(calls: Call[], now: number): Hour[] {
  const end = Math.floor(now / HOUR) * HOUR;
  const hours = Array.from({ length: 24 }, (_, at) => ({
    at: end - (23 - at) * HOUR,
    allowed: 0,
    waiting: 0,
    denied: 0,
    unknown: 0,
  }));
  for (const call of calls) {
    const hour = hours[23 - Math.floor((end + HOUR - 1 - Date.parse(call.at)) / HOUR)];
    if (!hour) continue;
    if (call.decision === 'denied') hour.denied += call.count;
    else if (call.decision === 'held') hour.waiting += call.count;
    else if (call.outcome?.class === 'unknown') hour.unknown += call.count;
    else hour.allowed += call.count;
  }
  return hours;
}

export const sumOf = (hours: Hour[], part: 'allowed' | 'waiting' | 'denied' | 'unknown'): number =>
  hours.reduce((sum, hour) => sum + hour[part], 0);

/** The rules that denied most, with how often. */
export function denying(
  calls: Call[],
  most = 5,
): { rule: string; tool: string; count: number; call: Call }[] {
  const found = new Map<string, { rule: string; tool: string; count: number; call: Call }>();
  for (const call of calls) {
    if (call.decision !== 'denied') continue;
    const tool = call.tool ?? call.method;
    const key = call.rule.startsWith('/')
      ? `${call.policy?.id} ${call.rule}`
      : `${call.rule} ${tool}`;
    const entry = found.get(key) ?? { rule: call.rule, tool, count: 0, call };
    entry.count += call.count;
    found.set(key, entry);
  }
  return [...found.values()].sort((a, b) => b.count - a.count).slice(0, most);
}

/** What the gateway itself took, in microseconds, at a share of the calls; none without calls. */
export function overhead(calls: Call[], share: number): number | undefined {
  const added = calls
    .flatMap((call) =>
      call.outcome ? [call.outcome.took_micros - call.outcome.upstream_micros] : [],
    )
    .filter((micros) => micros >= 0)
    .sort((a, b) => a - b);
  return added[Math.min(added.length - 1, Math.floor(added.length * share))];
}
