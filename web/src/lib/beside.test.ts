import { expect, test } from 'vitest';
import { beside } from './beside';

test('what was typed stays, what was left alone is theirs, and what differs is named', () => {
  const before = { name: 'finance', members: ['a'], role: 'viewer' };
  const mine = { name: 'money', members: ['a'], role: 'admin' };
  const theirs = { name: 'finance', members: ['a', 'b'], role: 'policy_manager' };
  expect(beside(before, mine, theirs)).toEqual({
    kept: { name: 'money', members: ['a', 'b'], role: 'admin' },
    apart: ['name', 'role'],
  });
});

test('the same change on both sides is no difference', () => {
  const mine = { name: 'money' };
  expect(beside({ name: 'finance' }, mine, { name: 'money' }).apart).toEqual([]);
});
