// A rule that asks too often is one that asks for many approvals, not one whose agent asks again.
import { expect, test } from 'vitest';
import { oftenOf } from './often';
import { ASKED_A_DAY_MAX } from './use';

const NOW = Date.parse('2026-01-02T12:00:00Z');
const rows = (n: number, more: object = {}) =>
  Array.from({ length: n }, (_, at) => ({
    ...{ id: `apr_${at}`, policy: 'pol_1', rule: '/tools/refund/approve_if/0', policy_version: 1 },
    ...{ created_at: new Date(NOW - at * 60_000).toISOString(), asked: 1 },
    ...more,
  }));

test('an agent that repeats one call is no rule that asks often', () => {
  expect(oftenOf(rows(1, { asked: 500 }), NOW)).toEqual([]);
  expect(oftenOf(rows(ASKED_A_DAY_MAX, { asked: 500 }), NOW)).toEqual([]);
});

test('approvals are counted, each once, by rule, within a day', () => {
  const many = rows(ASKED_A_DAY_MAX + 3);
  // The same approval in two lists, as when it is decided between the two looks.
  const twice = [...many, ...many.slice(0, 5)];
  expect(oftenOf(twice, NOW)).toEqual([{ row: many[0], n: ASKED_A_DAY_MAX + 3 }]);
  const old = rows(ASKED_A_DAY_MAX + 3, { created_at: new Date(NOW - 86_400_000).toISOString() });
  expect(oftenOf(old, NOW)).toEqual([]);
  const spread = many.map((row, at) => ({ ...row, rule: `${row.rule}/${at % 2}` }));
  expect(oftenOf(spread, NOW)).toEqual([]);
});

test('the version that asked last is the one to look at', () => {
  const many = rows(ASKED_A_DAY_MAX + 1).map((row, at) => ({ ...row, policy_version: 30 - at }));
  expect(oftenOf([...many].reverse(), NOW)[0]?.row.policy_version).toBe(30);
});
