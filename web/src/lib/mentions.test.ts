// The documents that speak of a tool, and the rules of a document by the names that decisions give them.
import { expect, test } from 'vitest';
import { parse } from '../builder/document';
import { rulePath } from '../builder/reading';
import { mentions, rulesOf } from './mentions';

test('a document speaks of a tool by its own name, by stars, and where it hides it', () => {
  const text = JSON.stringify({
    version: '1',
    hide: ['delete_*'],
    tools: { refund_payment: {}, 'refund_*': {}, 'a/b~c': {} },
  });
  expect(mentions(text, 'refund_payment')).toEqual(['/tools/refund_payment']);
  expect(mentions(text, 'refund_part')).toEqual(['/tools/refund_*']);
  expect(mentions(text, 'delete_account')).toEqual(['/hide']);
  expect(mentions(text, 'a/b~c')).toEqual(['/tools/a~1b~0c']);
  expect(mentions(text, 'list')).toEqual([]);
  expect(mentions('{', 'list')).toEqual([]);
});

test('the rules of a document have the names that decisions give them, and are found by those', () => {
  const conditions = [{ path: 'args.amount', op: 'gt', value: 500 }];
  const text = JSON.stringify({
    version: '1',
    all_tools: { limits: [{ counter: 'calls', window: 'minute', max: 30 }] },
    tools: {
      pay: { deny_if: [{ id: 'too-much', conditions }], approve_if: [{ conditions }] },
      list: {},
    },
  });
  const rules = rulesOf(text);
  expect(rules).toEqual([
    '/all_tools/limits/calls',
    '/tools/pay/deny_if/too-much',
    '/tools/pay/approve_if/args.amount-gt',
  ]);
  for (const rule of rules) expect(rulePath(parse(text), rule), rule).toBeDefined();
  expect(rulesOf('[')).toEqual([]);
});
