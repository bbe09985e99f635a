// Stars in names of tools, and the documents that speak of a tool.
import { expect, test } from 'vitest';
import { covers, mentions } from './mentions';

test('names with stars cover what they say', () => {
  for (const [key, tool, expected] of [
    ['pay', 'pay', true],
    ['pay', 'payout', false],
    ['*', 'anything', true],
    ['pay*', 'payout', true],
    ['*_get', 'a_get', true],
    ['a*b*c', 'aXbYc', true],
    ['a*b*c', 'aXcYb', false],
    ['a*a', 'a', false],
    ['ab*ba', 'aba', false],
  ] as const)
    expect(covers(key, tool), `${key} ${tool}`).toBe(expected);
});

test('a document speaks of a tool by its own name, by stars, and where it hides it', () => {
  const text = JSON.stringify({
    version: '1',
    hide: ['delete_*'],
    tools: { refund_payment: {}, 'refund_*': {}, 'a/b~c': {} },
  });
  expect(mentions(text, 'refund_payment')).toEqual(['/tools/refund_payment', '/tools/refund_*']);
  expect(mentions(text, 'delete_account')).toEqual(['/hide']);
  expect(mentions(text, 'a/b~c')).toEqual(['/tools/a~1b~0c']);
  expect(mentions(text, 'list')).toEqual([]);
  expect(mentions('{', 'list')).toEqual([]);
});
