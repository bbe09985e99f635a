// What charts make of sums.
import { expect, test } from 'vitest';
import { allOf, countOf, hourOf, runsOf, type Sum } from './counts';

const sum: Sum = {
  at: '2026-11-21T09:00:00.000000Z',
  allowed: 4,
  held: 3,
  denied: 2,
  unknown: 1,
  reached: 0,
};

test('an hour adds up and says where it ends', () => {
  expect(allOf(sum)).toBe(10);
  expect(countOf(sum, 'waiting')).toBe(3);
  expect(hourOf(sum)).toEqual({
    since: '2026-11-21T09:00:00.000Z',
    until: '2026-11-21T10:00:00.000Z',
  });
});

test('a line is not drawn over hours without a call', () => {
  expect(runsOf([1, 2, null, 3, undefined, undefined])).toEqual([
    [
      [0, 1],
      [1, 2],
    ],
    [[3, 3]],
  ]);
  expect(runsOf([null])).toEqual([]);
});
