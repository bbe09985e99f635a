// What rows and tables make of how often rules decided.
import { expect, test } from 'vitest';
import {
  asksOften,
  heights,
  isWhole,
  logsOf,
  type PolicyUse,
  type RuleUse,
  countedOf,
} from './use';

const rule = (name: string, more: Partial<RuleUse> = {}): RuleUse => ({
  rule: name,
  of_tools: true,
  counts: [0, 0, 0, 0, 0, 0, 1],
  total: 1,
  held: 0,
  version: 1,
  ...more,
});

const use = (rules: RuleUse[], more: Partial<PolicyUse> = {}): PolicyUse => ({
  days: [16, 17, 18, 19, 20, 21, 22].map((day) => `2026-11-${day}`.concat('T', '00:00:00.000000Z')),
  rules,
  left_out: 0,
  complete: true,
  ...more,
});

test('bars fill the chart, and one call among thousands is still seen', () => {
  expect(heights([0, 5, 10], 16)).toEqual([0, 8, 16]);
  expect(heights([1, 10_000], 16)).toEqual([2, 16]);
  expect(heights([0, 0], 16)).toEqual([0, 0]);
});

test('a rule is found by its pointer, and the default among calls of tools', () => {
  const tools = rule('(default deny)');
  const resources = rule('(default deny)', { of_tools: false });
  const section = rule('/resources/deny/secret', { of_tools: false });
  const found = use([resources, tools, section]);
  expect(countedOf(found, '(default deny)')).toBe(tools);
  expect(countedOf(found, '/resources/deny/secret')).toBe(section);
  expect(countedOf(found, '/tools/pay/deny_if/a')).toBeUndefined();
});

test('only a whole count says that a rule decided nothing', () => {
  expect(isWhole(use([]))).toBe(true);
  expect(isWhole(use([], { complete: false }))).toBe(false);
  expect(isWhole(use([], { left_out: 1 }))).toBe(false);
});

test('a rule asks too often when it asks over 20 times a day', () => {
  expect(asksOften(use([]), rule('/a', { held: 140 }))).toBe(false);
  expect(asksOften(use([]), rule('/a', { held: 141 }))).toBe(true);
});

test('the log is filtered to the calls that were counted', () => {
  const found = use([]);
  const since = '2026-11-16T00:00:00.000Z';
  const deny = '/tools/pay/deny_if/a';
  expect(logsOf('support', found, rule(deny))).toEqual({ policy: 'support', rule: deny, since });
  expect(logsOf('support', found, rule(deny), 6)).toEqual({
    policy: 'support',
    rule: deny,
    since: '2026-11-22T00:00:00.000Z',
    until: '2026-11-23T00:00:00.000Z',
  });
  const none = '(default deny)';
  const tools = { policy: 'support', rule: none, since, tool: '*' };
  expect(logsOf('support', found, rule(none))).toEqual(tools);
  expect(logsOf('support', found, rule(none, { of_tools: false }))).toBeUndefined();
});
