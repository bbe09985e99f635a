import { expect, test } from 'vitest';
import {
  formatDay,
  formatDistance,
  formatMoment,
  formatTime,
  formatUtcDay,
  showTimesInUtc,
  timesAreInUtc,
  zoneName,
} from './format';

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

test('what is no moment stays as it stands in the address', () => {
  for (const format of [formatMoment, formatTime, formatDay, formatUtcDay, formatDistance])
    for (const text of ['', 'garbage', '2026-13-45T99:00:00Z']) expect(format(text)).toBe(text);
});
