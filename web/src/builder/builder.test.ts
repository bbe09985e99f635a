// Build and JSON are two views of one text: nothing is lost on the way, and an edit touches only itself.
import { expect, test } from 'vitest';
import {
  insert,
  nodeAt,
  parse,
  type Path,
  rawAt,
  remove,
  set,
  setRaw,
  swap,
  valueAt,
} from './document';
import { document } from './generate';
import { LISTS } from './language';
import { effectOn, keysOf, listAt, rulePath, stateOf, type ToolState } from './reading';
import { conditionsText, limitText, ruleText } from './sentence';
import { setState } from './states';

const seeds = Array.from({ length: 1000 }, (_, seed) => seed);

/** Everything that Build shows of a document: read it all, as the screens do. */
function shown(text: string): number {
  const doc = parse(text);
  let count = 0;
  for (const tool of [undefined, ...keysOf(doc, ['tools'])]) {
    const base: Path = tool === undefined ? ['all_tools'] : ['tools', tool];
    if (tool !== undefined) stateOf(doc, tool);
    for (const list of LISTS) {
      listAt<never>(doc, [...base, list]).forEach((entry, at) => {
        const max = rawAt(doc, [...base, list, at, 'max']) ?? '';
        const sentence = list === 'limits' ? limitText(entry, max) : ruleText(entry, list);
        expect(sentence).not.toBe('');
        count += 1;
      });
    }
  }
  return count;
}

test('a thousand documents that are opened and saved untouched keep every byte', () => {
  let rules = 0;
  for (const seed of seeds) {
    const text = document(seed);
    const doc = parse(text);
    expect(doc.broken, text).toBeUndefined();
    rules += shown(text);
    expect(doc.text).toBe(text);
  }
  expect(rules).toBeGreaterThan(3000);
});

test('every value of a thousand documents can be set to itself without a byte of difference', () => {
  for (const seed of seeds) {
    const text = document(seed);
    const doc = parse(text);
    const path: Path = ['default'];
    expect(setRaw(text, path, rawAt(doc, path) ?? '')).toBe(text);
    for (const tool of keysOf(doc, ['tools'])) {
      listAt(doc, ['tools', tool, 'limits']).forEach((_, at) => {
        const max = ['tools', tool, 'limits', at, 'max'];
        expect(setRaw(text, max, rawAt(doc, max) ?? '')).toBe(text);
      });
    }
  }
});

test('what is put in and taken out again leaves the document as it was, to the byte', () => {
  for (const seed of seeds) {
    const text = document(seed);
    const doc = parse(text);
    for (const tool of keysOf(doc, ['tools'])) {
      const list: Path = ['tools', tool, 'deny_if'];
      const count = listAt(doc, list).length;
      if (count < 1) continue;
      for (const at of [0, count]) {
        const longer = insert(text, list, { conditions: [] }, at);
        expect(listAt(parse(longer), list)).toHaveLength(count + 1);
        expect(remove(longer, [...list, at])).toBe(text);
      }
      if (count > 1) expect(swap(swap(text, list, 0, 1), list, 0, 1)).toBe(text);
    }
    const named = set(text, ['tools', 'brand_new'], { limits: [] });
    expect(valueAt(parse(named), ['tools', 'brand_new'])).toEqual({ limits: [] });
    if (keysOf(doc, ['tools']).length > 0) expect(remove(named, ['tools', 'brand_new'])).toBe(text);
  }
});

test('an edit changes the place it is made at, and the meaning of nothing else', () => {
  for (const seed of seeds.slice(0, 300)) {
    const text = document(seed);
    const before = valueAt(parse(text), []) as Record<string, unknown>;
    const after = valueAt(parse(set(text, ['description'], 'another')), []);
    expect(after).toEqual({ ...before, description: 'another' });
  }
});

test('a number keeps the digits that no float can hold', () => {
  const text =
    '{"version":"1","default":"deny","tools":{"pay":{"limits":[{"counter":"c","window":"day","max":1}]}}}';
  const path: Path = ['tools', 'pay', 'limits', 0, 'max'];
  const exact = setRaw(text, path, '9223372036854.123456');
  expect(rawAt(parse(exact), path)).toBe('9223372036854.123456');
  expect(rawAt(parse(set(exact, ['default'], 'allow')), path)).toBe('9223372036854.123456');
});

test('a tool goes from any state to any other', () => {
  const states: ToolState[] = ['allow', 'deny', 'hide'];
  for (const fallback of ['allow', 'deny']) {
    for (const from of states) {
      for (const to of states) {
        const text = `{"version":"1","default":"${fallback}","tools":{"pay*":{"require":[{"conditions":[]}]}}}`;
        for (const tool of ['refund', 'payout']) {
          const first = setState(text, tool, from);
          expect(stateOf(parse(first), tool), `${fallback} ${from} ${tool}`).toBe(from);
          expect(stateOf(parse(setState(first, tool, to)), tool), `${from} ${to} ${tool}`).toBe(to);
        }
      }
    }
  }
});

test('a decision’s rule is found where it stands, by its name or by what its conditions spell', () => {
  const text = `{
    "version": "1", "default": "deny",
    "all_tools": { "limits": [{ "counter": "calls", "window": "day", "max": 1 }] },
    "tools": { "a/b": { "deny_if": [
      { "conditions": [{ "path": "args.amount", "op": "gt", "value": 1 }] },
      { "id": "usd only", "conditions": [] },
      { "conditions": [{ "any": [{ "path": "args.a", "op": "eq", "value": 1 }, { "not": { "path": "args.b", "op": "exists", "value": true } }] }] }
    ] } }
  }`;
  const doc = parse(text);
  for (const [rule, path] of [
    ['/tools/a~1b/deny_if/args.amount-gt', ['tools', 'a/b', 'deny_if', 0]],
    ['/tools/a~1b/deny_if/usd only', ['tools', 'a/b', 'deny_if', 1]],
    ['/tools/a~1b/deny_if/any(args.a-eq+not(args.b-exists))', ['tools', 'a/b', 'deny_if', 2]],
    ['/all_tools/limits/calls', ['all_tools', 'limits', 0]],
    ['/tools/a~1b/unlisted_args', ['tools', 'a/b']],
    ['(default deny)', undefined],
  ] as [string, Path | undefined][]) {
    expect(rulePath(doc, rule), rule).toEqual(path);
  }
  expect(nodeAt(doc, ['tools', 'a/b', 'deny_if', 1])).toBeDefined();
});

test('rules read as sentences', () => {
  for (const [conditions, sentence] of [
    [[{ path: 'args.amount', op: 'gt', value: 10000 }], 'amount is over 10,000'],
    [[{ path: 'args.currency', op: 'neq', value: 'usd' }], 'currency is not “usd”'],
    [[{ path: 'args.amount', op: 'gt', value: 500 }], 'amount is over 500'],
    [[{ path: 'args.note', op: 'exists', value: false }], 'note is not there'],
    [[{ path: 'args.items[*].amount', op: 'lt', value: 5 }], 'any items[*].amount is under 5'],
    [[{ not: { path: 'args.a', op: 'in', value: ['x', 'y'] } }], 'not (a is one of “x”, “y”)'],
    [[], 'always'],
  ] as const) {
    expect(conditionsText(conditions as never, 'deny_if')).toBe(sentence);
  }
});

test('a tool of its own without rules goes by the rules for every tool', () => {
  const under = (all: unknown) =>
    parse(JSON.stringify({ version: '1', default: 'deny', all_tools: all, tools: { pay: {} } }));
  expect(effectOn(under({}), 'pay')).toBe('allow');
  expect(effectOn(under({ approve_if: [] }), 'pay')).toBe('allow');
  for (const list of LISTS) {
    expect(effectOn(under({ [list]: [{ conditions: [] }] }), 'pay'), list).toBe('custom');
    // What is denied anyway is denied, whatever stands above it.
    expect(effectOn(under({ [list]: [{ conditions: [] }] }), 'other'), list).toBe('deny');
  }
});
