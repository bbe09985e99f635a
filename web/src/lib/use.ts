// How often each rule of a policy decided, as rows and tables take it.
import type { Schemas } from '../api/client';
import type { LogFilter } from '../app/links';

export type PolicyUse = Schemas['PolicyUseOut'];
export type RuleUse = Schemas['RuleUseOut'];

/** A rule that asks people more often than this on a day is worth another look. */
export const ASKED_A_DAY_MAX = 20;
const DAY = 86_400_000;

/** What the engine answers by itself; among calls of tools. */
const isPointer = (rule: string): boolean => rule.startsWith('/');

/** What is counted of a rule; of an answer of the engine, what is counted of tools. */
export const countedOf = (use: PolicyUse, rule: string): RuleUse | undefined =>
  use.rules.find((one) => one.rule === rule && (one.of_tools || isPointer(rule)));

/** Whether a rule that is not counted has decided nothing; otherwise nobody looked. */
export const isWhole = (use: PolicyUse): boolean => use.complete && use.left_out === 0;

/** Whether a rule asks people so often that they may stop reading. */
export const asksOften = (use: PolicyUse, of: RuleUse): boolean =>
  of.held > ASKED_A_DAY_MAX * use.days.length;

/** The heights of bars: the highest fills the chart, and what is not nothing is seen. */
export function heights(counts: number[], height: number): number[] {
  const most = Math.max(1, ...counts);
  return counts.map((count) =>
    count === 0 ? 0 : Math.max(2, Math.round((count / most) * height)),
  );
}

/**
 * What the log is filtered by to show the calls that were counted, of all days or of one. Nothing
 * where no filter would show just these.
 */
export function logsOf(
  policy: string,
  use: PolicyUse,
  of: RuleUse,
  day?: number,
): LogFilter | undefined {
  const since = use.days[day ?? 0];
  if (since === undefined) return undefined;
  const begin = Date.parse(since);
  const filter: LogFilter = { policy, rule: of.rule, since: new Date(begin).toISOString() };
  if (day !== undefined) filter.until = new Date(begin + DAY).toISOString();
  if (isPointer(of.rule)) return filter;
  return of.of_tools ? { ...filter, tool: '*' } : undefined;
}
