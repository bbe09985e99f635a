// The progress of a rotation in numbers.
import { expect, test } from 'vitest';
import { progressOf, timeLeft } from './progress';

const ring = (old: number, active: number) => ({
  versions: [
    { id: 1, state: 'decrypt_only', records: old },
    { id: 2, state: 'active', records: active },
  ],
  remaining: old,
  per_second: 200,
});

test.each([
  [0, 0, 100],
  [10, 0, 0],
  [1, 9_999, 99],
  [0, 5, 100],
])('%i old and %i new values are %i %% done', (old, active, percent) => {
  expect(progressOf(ring(old, active))).toBe(percent);
});

test.each([
  [1, '1 s'],
  [17_999, '2 min'],
  [200_000, '17 min'],
])('%i values take %s', (left, text) => {
  expect(timeLeft(ring(left, 0))).toBe(text);
});
