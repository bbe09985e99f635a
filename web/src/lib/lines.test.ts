// Lines of the log are shown once, newest first, and never lose an outcome that was known.
import { expect, test } from 'vitest';
import { merged } from './lines';
import { type Call, road } from './road';

const call = (index: number, outcome?: string): Call =>
  ({ index, decision: 'allowed', outcome: outcome ? { class: outcome } : null }) as Call;

test('lines come newest first and once', () => {
  const lines = merged([call(2), call(1)], [call(3), call(2)], []);
  expect(lines.map((line) => line.index)).toEqual([3, 2, 1]);
});

test('an outcome that is known stays known', () => {
  const lines = merged([call(1, 'completed')], [call(1)], []);
  expect(lines[0]?.outcome?.class).toBe('completed');
  expect(merged([call(1)], [], [call(1, 'unknown')])[0]?.outcome?.class).toBe('unknown');
});

test('the road ends where the call ended', () => {
  const last = (line: Call) => road(line).at(-1);
  expect(last({ ...call(1), decision: 'denied' })).toEqual(['decide', 'stopped']);
  expect(last({ ...call(1), decision: 'held' })).toEqual(['decide', 'waits']);
  expect(last(call(1))).toEqual(['forward', 'open']);
  expect(last(call(1, 'not_sent'))).toEqual(['forward', 'stopped']);
  expect(last(call(1, 'unknown'))).toEqual(['settle', 'open']);
  expect(last(call(1, 'completed'))).toEqual(['settle', 'passed']);
});
