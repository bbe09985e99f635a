import { expect, test } from 'vitest';
import { seen } from './hidden';

test('what nobody sees stands as its number, and nothing else is touched', () => {
  expect(seen('Look \u202ehere\u200b\u{e0041}')).toBe('Look \\u{202e}here\\u{200b}\\u{e0041}');
  expect(seen('a\nb')).toBe('a\\u{a}b');
  for (const text of ['', 'over 500 €', 'größer als 金額', '<b>']) expect(seen(text)).toBe(text);
});
