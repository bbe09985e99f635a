// Policies made up from a seed, with every feature of the language, written in many styles. For tests.
import { CALENDAR, FACTS, type Op, OPS, REQUESTS, SCOPES, takes, TYPES } from './language';

/** Numbers from 0 up to 1, the same for the same seed. */
function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/** A number as it is written: some with more digits than a float can hold. */
class Literal {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

type Value = string | boolean | Literal | Value[] | { [name: string]: Value | undefined };

const NUMBERS = [
  '0',
  '1',
  '500',
  '1.0',
  '1e3',
  '10000.01',
  '9223372036854.123456',
  '0.000001',
  '-3',
];
const TEXTS = ['usd', 'ü “x”', 'a\\b', 'tab\there', '', '…', '\u{1f4b6}', 'line\nbreak'];
const PATHS = ['args.amount', 'args.items[*].sku', 'args["odd.key"]', 'args.a.b[0]', ...FACTS];

export function document(seed: number): string {
  const next = random(seed);
  const pick = <T>(from: readonly T[]): T => from[Math.floor(next() * from.length)] as T;
  const maybe = (share = 0.5) => next() < share;
  const some = <T>(most: number, make: (at: number) => T): T[] =>
    Array.from({ length: Math.floor(next() * (most + 1)) }, (_, at) => make(at));
  const scalar = (): Value => pick([pick(TEXTS), new Literal(pick(NUMBERS)), maybe()]);

  const value = (op: Op): Value => {
    switch (takes(op)) {
      case 'list':
        return maybe(0.2) ? { path: pick(PATHS) } : some(4, scalar);
      case 'boolean':
        return maybe();
      case 'whole':
        return new Literal(String(Math.floor(next() * 50)));
      case 'type':
        return pick(TYPES);
      case 'ordered':
        return maybe(0.2) ? { path: pick(PATHS) } : new Literal(pick(NUMBERS));
      case 'pattern':
        return pick(['\\S.{4,}', '(?i)usd', '^x$']);
      case 'text':
        return pick(TEXTS);
      default:
        return maybe(0.2) ? { path: pick(PATHS) } : scalar();
    }
  };
  const condition = (depth: number): Value => {
    const kind = depth > 3 ? 'one' : pick(['one', 'one', 'one', 'any', 'all', 'not']);
    if (kind === 'any') return { any: some(3, () => condition(depth + 1)) };
    if (kind === 'all') return { all: some(3, () => condition(depth + 1)) };
    if (kind === 'not') return { not: condition(depth + 1) };
    const [path, op] = [pick(PATHS), pick(OPS)];
    const made: { [name: string]: Value | undefined } = { path, op, value: value(op) };
    if (path.includes('[*]') && maybe()) made.each = pick(['any', 'all']);
    return made;
  };
  const rule = (at: number): Value => ({
    ...(maybe() ? { id: `rule-${at}` } : {}),
    conditions: some(3, () => condition(0)),
    ...(maybe() ? { on_deny: pick(TEXTS) } : {}),
  });
  const approval = (at: number): Value => ({
    id: `sign-${at}`,
    conditions: some(2, () => condition(0)),
    ...(maybe() ? { approvers: ['group:finance', 'role:admin'] } : {}),
    ...(maybe() ? { count: new Literal('2'), expires_in: '30m', message: pick(TEXTS) } : {}),
  });
  const limit = (at: number): Value => ({
    counter: `c${at}`,
    window: pick([...CALENDAR, '90s', '6h']),
    max: new Literal(pick(NUMBERS)),
    ...(maybe() ? { amount: 'args.amount', per: ['args.currency'] } : {}),
    ...(maybe() ? { rolling: maybe(), scope: pick(SCOPES), count_failed: maybe() } : {}),
    ...(maybe(0.3) ? { on_unknown: pick(['keep', 'roll_back']), on_deny: pick(TEXTS) } : {}),
  });
  const tool = (): { [name: string]: Value | undefined } => ({
    ...(maybe() ? { require: some(3, rule) } : {}),
    ...(maybe() ? { deny_if: some(3, rule) } : {}),
    ...(maybe() ? { approve_if: some(2, approval) } : {}),
    ...(maybe() ? { limits: some(3, limit) } : {}),
  });
  const section = (): Value => ({
    ...(maybe() ? { default: pick(['allow', 'deny']) } : {}),
    ...(maybe() ? { allow: ['file:///a/*'], hide: ['*secret*'] } : {}),
  });
  const tools: { [name: string]: Value } = {};
  for (const name of ['list_invoices', 'refund_payment', 'pay*', 'a/b~c', 'ünïcode']) {
    if (maybe()) tools[name] = { ...tool(), ...(maybe(0.2) ? { unlisted_args: 'allow' } : {}) };
  }
  const policy: { [name: string]: Value } = {
    version: '1',
    default: pick(['deny', 'allow']),
    ...(maybe() ? { description: pick(TEXTS), timezone: 'Europe/Berlin' } : {}),
    ...(maybe() ? { hide: ['delete_*'], hide_denied: maybe() } : {}),
    ...(maybe() ? { all_tools: tool() } : {}),
    tools,
    ...(maybe(0.3) ? { resources: section(), prompts: section() } : {}),
    ...(maybe(0.3) ? { client_requests: { [pick(REQUESTS)]: pick(['allow', 'deny']) } } : {}),
  };
  const style = pick(['  ', '    ', '\t', '']);
  const end = pick(['\n', '\r\n']);
  return write(policy, style, end, '') + (maybe() ? end : '');
}

/** The text of a value in one of the styles that people and programs write. */
function write(value: Value, indent: string, end: string, at: string): string {
  if (value instanceof Literal) return value.text;
  if (typeof value !== 'object') return JSON.stringify(value);
  const list = Array.isArray(value);
  const inner = at + indent;
  const items = list
    ? value.map((item) => write(item, indent, end, inner))
    : Object.entries(value).flatMap(([name, item]) =>
        item === undefined
          ? []
          : [
              `${JSON.stringify(name)}:${indent === '' ? '' : ' '}${write(item, indent, end, inner)}`,
            ],
      );
  const [open, close] = list ? '[]' : '{}';
  if (items.length === 0) return `${open}${close}`;
  if (indent === '') return `${open}${items.join(',')}${close}`;
  return `${open}${end}${items.map((item) => inner + item).join(`,${end}`)}${end}${at}${close}`;
}
