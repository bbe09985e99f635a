// Time left, counted and written.
import { expect, test } from 'vitest';
import { formatLeft, leftOf, passed } from './left';

test.each([
  [0, '0:00'],
  [59, '0:59'],
  [1452, '24:12'],
  [3600, '1 h 00 min'],
  [3900, '1 h 05 min'],
  [172_800, '2 d'],
])('%i seconds are written as %s', (seconds, text) => {
  expect(formatLeft(seconds)).toBe(text);
});

test('the time left runs from the moment of the answer and never below nothing', () => {
  expect(leftOf(30, 1_000, 1_000)).toBe(30);
  expect(leftOf(30, 1_000, 11_400)).toBe(20);
  expect(leftOf(30, 1_000, 90_000)).toBe(0);
});

test('five minutes and one are passed once, from above', () => {
  expect(passed(301, 300)).toBe(true);
  expect(passed(300, 299)).toBe(false);
  expect(passed(95, 94)).toBe(false);
  expect(passed(61, 59)).toBe(true);
  expect(passed(400, 30)).toBe(true);
  expect(passed(20, 0)).toBe(false);
});
