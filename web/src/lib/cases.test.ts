// Cases as texts: what is typed comes through to the last digit, and what stood there stays.
import { expect, test } from 'vitest';
import { caseText, isLimit, jsonOf, outcomeOf, withCaseText } from './cases';
import type { Call } from './road';

const base = {
  name: 'n',
  tool: 'pay',
  outcome: 'deny' as const,
  used: '0',
  grant: undefined,
  known: ['amount'],
};

test('what is typed is a text for a text, and JSON to the last digit for anything else', () => {
  for (const [type, typed, expected] of [
    ['string', '12', '"12"'],
    ['string', '', '""'],
    ['number', '9007199254740993.10', '9007199254740993.10'],
    ['integer', ' 7 ', '7'],
    ['boolean', 'true', 'true'],
    ['number', 'seven', '"seven"'],
    [undefined, '{"a":1.0}', '{"a":1.0}'],
    [undefined, 'plain', '"plain"'],
  ] as const)
    expect(jsonOf({ type }, typed)).toBe(expected);
});

test('a case holds the call, the rule, and how the definition stood when that rule decided', () => {
  const values = { amount: '10.10' };
  const rule = '/tools/pay/deny_if/args.amount-gt';
  expect(caseText({ ...base, values, rule })).toBe(
    `{"name":"n","call":{"tool":"pay","arguments":{"amount":10.10}},"expect":{"outcome":"deny","rule":"${rule}"}}`,
  );
  expect(caseText({ ...base, values, outcome: 'allow', rule: '' })).toContain(
    '"expect":{"outcome":"allow"}',
  );
  expect(caseText({ ...base, values, rule: '(unknown tool)' })).toContain('"definition":"unknown"');
  expect(caseText({ ...base, values, rule: '(tool changed)' })).toContain(
    '"definition":{"arguments":["amount"],"changed":true}',
  );
  const limit = '/tools/pay/limits/a-day';
  expect(caseText({ ...base, values, rule: limit, used: '4999.50' })).toContain(
    `"usage":{"${limit}":4999.50}`,
  );
  const grant = { label: 'a', identity: 'b' };
  expect(caseText({ ...base, values, rule, grant })).toContain(
    '"grant":{"label":"a","identity":"b"}',
  );
});

test('a value with the marks of a pattern stays as it is', () => {
  const values = { note: JSON.stringify('$& $1') };
  const read = JSON.parse(caseText({ ...base, values, rule: '' })) as {
    call: { arguments: { note: string } };
  };
  expect(read.call.arguments.note).toBe('$& $1');
});

test('the cases that stood there keep their digits', () => {
  expect(withCaseText(null, '{"a":1.0}').replace(/\s/g, '')).toBe('[{"a":1.0}]');
  expect(withCaseText('[]', '{"a":1.0}').replace(/\s/g, '')).toBe('[{"a":1.0}]');
  expect(withCaseText('[ {"b": 2.50} ]\n', '{"a":1}').replace(/\s/g, '')).toBe(
    '[{"b":2.50},{"a":1}]',
  );
});

test('a limit is told from a tool of that name', () => {
  expect(isLimit('/tools/pay/limits/a-day')).toBe(true);
  expect(isLimit('/all_tools/limits/a-day')).toBe(true);
  expect(isLimit('/tools/limits/deny_if/always')).toBe(false);
  expect(isLimit('/tools/limits/limits/a-day')).toBe(true);
});

test('a call that people let through was held by the policy', () => {
  const of = (decision: string, reason = '') => outcomeOf({ decision, reason } as Call);
  expect([of('allowed'), of('allowed', 'approved'), of('held'), of('denied')]).toEqual([
    'allow',
    'hold',
    'hold',
    'deny',
  ]);
});
