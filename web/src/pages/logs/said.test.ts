// The words of a rule are found where the rule stands.
import { expect, test } from 'vitest';
import { messageOf } from './Said';

const TEXT = JSON.stringify({
  version: '1',
  tools: {
    pay: {
      deny_if: [
        {
          conditions: [{ path: 'args.currency', op: 'neq', value: 'usd' }],
          on_deny: 'Only USD refunds.',
        },
        { id: 'named', conditions: [{ path: 'args.a', op: 'gt', value: 1 }] },
      ],
      limits: [{ counter: 'value', window: 'day', max: 5, on_deny: 'Enough for today.' }],
    },
  },
});

test('the words of the rule are told, and none where it has none', () => {
  for (const [rule, expected] of [
    ['/tools/pay/deny_if/args.currency-neq', 'Only USD refunds.'],
    ['/tools/pay/limits/value', 'Enough for today.'],
    ['/tools/pay/deny_if/named', undefined],
    ['/tools/pay/deny_if/gone', undefined],
    ['/tools/other', undefined],
    ['(default deny)', undefined],
  ] as const)
    expect(messageOf(TEXT, rule), rule).toBe(expected);
  expect(messageOf('no JSON', '/tools/pay')).toBeUndefined();
});
