// A moment in a field is the same moment, in the zone that is shown.
import { expect, test } from 'vitest';
import { fromField, toField } from './moment-field';

test('a moment goes into a field and comes back, in the zone of the browser and in UTC', () => {
  const at = '2026-03-29T14:05:00.000Z';
  for (const utc of [true, false]) expect(fromField(toField(at, utc), utc)).toBe(at);
  expect(toField(at, true)).toBe('2026-03-29T14:05');
  const [hour] = toField(at, false).split('T')[1]?.split(':') ?? [];
  expect(Number(hour)).toBe(new Date(at).getHours());
});

test('what is no moment is none', () => {
  for (const utc of [true, false]) {
    expect(toField(undefined, utc)).toBe('');
    expect(toField('yesterday', utc)).toBe('');
    expect(fromField('', utc)).toBeUndefined();
  }
});
