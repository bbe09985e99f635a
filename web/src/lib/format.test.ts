import { expect, test } from 'vitest';
import { formatDay, formatTime, showTimesInUtc, timesAreInUtc, zoneName } from './format';

test('moments are shown in UTC once somebody chose so, and days turn at its midnight', () => {
  showTimesInUtc(true);
  expect([timesAreInUtc(), zoneName()]).toEqual([true, 'UTC']);
  const now = new Date('2026-03-01T00:30:00Z');
  const before = formatTime('2026-02-28T23:59:59Z', now);
  expect(before).toContain(formatDay('2026-02-28T23:59:59Z'));
  expect(formatTime('2026-03-01T00:00:01Z', now)).not.toContain(formatDay('2026-03-01T00:00:01Z'));
  showTimesInUtc(false);
  expect(timesAreInUtc()).toBe(false);
});
