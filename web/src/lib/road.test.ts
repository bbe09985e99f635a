// What became of what a call took from its limits.
import { expect, test } from 'vitest';
import { chargeOf } from './road';

test('what limits gave is held, counted or given back by the outcome, and no more is claimed', () => {
  const of = (name?: string) =>
    chargeOf({ outcome: name === undefined ? null : ({ class: name } as never) });
  for (const [name, expected] of [
    [undefined, 'held'],
    ['input_required', 'held'],
    ['completed', 'counted'],
    ['upstream_error', 'returned'],
    ['not_sent', 'returned'],
    ['tool_failed', 'toolFailed'],
    ['unknown', 'unknown'],
    ['something new', 'unknown'],
  ] as const)
    expect(of(name), name).toBe(expected);
});
