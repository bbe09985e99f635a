import { expect, test } from 'vitest';
import { approvals } from './approvals';
import { policies } from './policies';

test('the time that is left is said as it is', () => {
  expect(approvals.one.announced(300)).toBe('5 minutes left to decide.');
  expect(approvals.one.announced(95)).toBe('1 minute 35 seconds left to decide.');
  expect(approvals.one.announced(59)).toBe('59 seconds left to decide.');
});

test('one call is one call', () => {
  expect(policies.replay.summary('1', '1', '0', '0')).toMatch(/^1 call: 1 the same/);
  expect(policies.replay.summary('2', '1', '1', '0')).toMatch(/^2 calls: /);
});
