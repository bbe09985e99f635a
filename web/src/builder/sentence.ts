// Rules as sentences: the sentence is the rule.
import { formatDecimal } from '../lib/format';
import { t } from '../text';
import type { Condition, Limit, List, Rule } from './language';

const b = t.builder;

/** A path as people say it: arguments by their own name. */
const said = (path: string): string => path.replace(/^args\./, '');

const quoted = (value: unknown): string => {
  if (typeof value === 'object' && value !== null && 'path' in value) {
    return said(String((value as { path: unknown }).path));
  }
  if (Array.isArray(value)) return value.map(quoted).join(', ');
  if (typeof value === 'number') return formatDecimal(String(value));
  return typeof value === 'string' ? `“${value}”` : String(value);
};

export function conditionText(condition: Condition, list: List): string {
  if (typeof condition !== 'object' || condition === null) return b.notReadable;
  if ('any' in condition && Array.isArray(condition.any)) {
    return b.anyOf(condition.any.map((inner) => conditionText(inner, list)).join(', '));
  }
  if ('all' in condition && Array.isArray(condition.all)) {
    return b.allOf(condition.all.map((inner) => conditionText(inner, list)).join(', '));
  }
  if ('not' in condition) return b.not(conditionText(condition.not, list));
  if (!('op' in condition) || typeof condition.path !== 'string') return b.notReadable;
  const { path, op, value, each } = condition;
  const every = each ?? (list === 'require' ? 'all' : 'any');
  const place = path.includes('[*]') ? (every === 'all' ? b.every : b.any)(said(path)) : said(path);
  if (op === 'exists') return `${place} ${value === false ? b.absent : b.ops.exists}`;
  return `${place} ${b.ops[op] ?? op} ${quoted(value)}`;
}

export function conditionsText(conditions: Condition[] | undefined, list: List): string {
  if (!Array.isArray(conditions)) return b.notReadable;
  if (conditions.length === 0) return b.always;
  return conditions.map((condition) => conditionText(condition, list)).join(b.and);
}

const approver = (name: string): string =>
  name === 'role:admin'
    ? b.approval.admins
    : name === 'role:policy_manager'
      ? b.approval.managers
      : name.replace(/^(group|member):/, '');

export function ruleText(rule: Rule, list: List): string {
  const when = conditionsText(rule?.conditions, list);
  if (list !== 'approve_if') return when;
  const who = (rule.approvers ?? ['role:admin']).map(approver).join(b.approval.or);
  return `${when} → ${b.approval.of(rule.count ?? 1, who, rule.expires_in ?? b.approval.hour)}`;
}

export function limitText(limit: Limit, max: string): string {
  const what = limit.amount ? b.limits.amount(said(limit.amount), max) : b.limits.calls(max);
  const own = /^\d/.test(String(limit.window));
  const window = (own || limit.rolling ? b.limits.rolling : b.limits.window)(String(limit.window));
  const split = [limit.scope ?? 'grant', ...(limit.per ?? []).map(said)].join(b.and);
  return `${limit.counter}: ${what} ${window}${b.limits.per(split)}`;
}

/** Whether a missing place makes the rule fire, so that the page can say so. */
export function missingFires(conditions: Condition[] | undefined): boolean {
  if (!Array.isArray(conditions) || conditions.length === 0) return false;
  const guarded = (path: string) =>
    conditions.some((c) => 'op' in c && c.op === 'exists' && c.value !== false && c.path === path);
  return conditions.some(
    (c) =>
      'op' in c &&
      c.op !== 'exists' &&
      c.op !== 'type' &&
      String(c.path).startsWith('args') &&
      !guarded(c.path),
  );
}
