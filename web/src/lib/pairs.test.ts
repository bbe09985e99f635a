// Pairs, read and written.
import { expect, test } from 'vitest';
import { readPairs, writePairs } from './pairs';

test.each([
  ['', { pairs: {} }],
  ['a = b', { pairs: { a: 'b' } }],
  [' a=b \n\n c = d ', { pairs: { a: 'b', c: 'd' } }],
  ['cn=ops,dc=x = admin', { pairs: { 'cn=ops,dc=x': 'admin' } }],
  ['a', { wrong: 'a' }],
  ['a =', { wrong: 'a =' }],
  ['= b', { wrong: '= b' }],
])('%j is read as %j', (text, read) => {
  expect(readPairs(text)).toEqual(read);
});

test('what is written is read again', () => {
  const pairs = { 'fin-ops': 'finance', 'cn=a,dc=b': 'admin' };
  expect(readPairs(writePairs(pairs))).toEqual({ pairs });
});
