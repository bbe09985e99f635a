// What the policy language has, as the builder offers it. The reference in docs lists the same.

export type List = 'deny_if' | 'require' | 'limits' | 'approve_if';
/** In the order of judgement. */
export const LISTS: List[] = ['deny_if', 'require', 'limits', 'approve_if'];

export interface Comparison {
  path: string;
  op: Op;
  value?: unknown;
  each?: 'any' | 'all';
}
export interface Any {
  any: Condition[];
}
export interface All {
  all: Condition[];
}
export interface Not {
  not: Condition;
}
export type Condition = Comparison | Any | All | Not;

export interface Rule {
  id?: string;
  conditions: Condition[];
  on_deny?: string;
  approvers?: string[];
  count?: number;
  expires_in?: string;
  message?: string;
}

export interface Limit {
  counter: string;
  window: string;
  max: number;
  rolling?: boolean;
  amount?: string;
  per?: string[];
  scope?: string;
  count_failed?: boolean;
  on_unknown?: string;
  on_deny?: string;
}

export const OPS = [
  'eq',
  'neq',
  'in',
  'not_in',
  'lt',
  'lte',
  'gt',
  'gte',
  'matches',
  'regex',
  'starts_with',
  'ends_with',
  'contains',
  'not_contains',
  'exists',
  'length_lt',
  'length_lte',
  'length_gt',
  'length_gte',
  'type',
] as const;
export type Op = (typeof OPS)[number];

export const TYPES = ['string', 'number', 'integer', 'boolean', 'array', 'object', 'null'] as const;
export const SCOPES = ['grant', 'identity', 'policy', 'server', 'organisation'] as const;
export const CALENDAR = ['minute', 'hour', 'day', 'week', 'month'] as const;
export const REQUESTS = ['sampling', 'elicitation', 'roots'] as const;

/** What an operator takes as its value. */
export type Takes =
  'scalar' | 'list' | 'ordered' | 'pattern' | 'text' | 'boolean' | 'whole' | 'type';

export function takes(op: Op): Takes {
  switch (op) {
    case 'in':
    case 'not_in':
      return 'list';
    case 'lt':
    case 'lte':
    case 'gt':
    case 'gte':
      return 'ordered';
    case 'matches':
    case 'regex':
      return 'pattern';
    case 'starts_with':
    case 'ends_with':
      return 'text';
    case 'exists':
      return 'boolean';
    case 'length_lt':
    case 'length_lte':
    case 'length_gt':
    case 'length_gte':
      return 'whole';
    case 'type':
      return 'type';
    default:
      return 'scalar';
  }
}

/** Whether the value may be a path instead. */
export const takesPath = (op: Op): boolean => !['pattern', 'boolean', 'type'].includes(takes(op));

const NUMBERS: Op[] = ['eq', 'neq', 'gt', 'gte', 'lt', 'lte', 'in', 'not_in', 'exists', 'type'];
const STRINGS: Op[] = [
  ...(['eq', 'neq', 'in', 'not_in', 'matches', 'regex', 'starts_with', 'ends_with'] as const),
  ...(['contains', 'not_contains', 'length_lt', 'length_lte', 'length_gt', 'length_gte'] as const),
  ...(['lt', 'lte', 'gt', 'gte', 'exists', 'type'] as const),
];
const LENGTHS: Op[] = ['length_lt', 'length_lte', 'length_gt', 'length_gte', 'exists', 'type'];

/** The operators that a type can be judged by; all of them where the type is not known. */
export function opsFor(type: string | undefined): readonly Op[] {
  switch (type) {
    case 'number':
    case 'integer':
      return NUMBERS;
    case 'string':
      return STRINGS;
    case 'boolean':
      return ['eq', 'neq', 'in', 'not_in', 'exists', 'type'];
    case 'array':
      return ['contains', 'not_contains', ...LENGTHS];
    case 'object':
      return LENGTHS;
    default:
      return OPS;
  }
}

/** Places outside the arguments that a condition can look at. */
export const FACTS = [
  'tool.name',
  'grant.label',
  'grant.identity',
  'request.time',
  'request.weekday',
  'request.date',
] as const;

export const isComparison = (condition: Condition): condition is Comparison => 'op' in condition;

/** What conditions are called where a rule has no id, as the engine spells it. */
export function spell(conditions: Condition[]): string {
  // A draft may hold anything.
  if (!Array.isArray(conditions)) return '?';
  return conditions.length === 0 ? 'always' : conditions.map(spellOne).join('+');
}

function spellOne(condition: Condition): string {
  if (typeof condition !== 'object' || condition === null) return '?';
  if ('any' in condition) return `any(${spell(condition.any)})`;
  if ('all' in condition) return `all(${spell(condition.all)})`;
  if ('not' in condition) return `not(${spellOne(condition.not)})`;
  return `${condition.path}-${condition.op}`;
}
