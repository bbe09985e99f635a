// The first run goes on where it was left, from what is there.
import { expect, test } from 'vitest';
import { doneOf, grantToGoOn, stepAtHand } from './first-run';

const grant = (
  id: string,
  day: number,
  more: Partial<Parameters<typeof grantToGoOn>[0][0]> = {},
) => ({
  ...{ id, state: 'active', expired: false, created_at: `2026-01-0${day}T12:00:00Z` },
  ...more,
});
const CALLED = { last_call_at: '2026-01-09T00:00:00Z' };

test('it goes on with the newest living grant that nobody called with yet', () => {
  const older = grant('older', 1);
  const waits = grant('waits', 2);
  const called = grant('called', 3, CALLED);
  const revoked = grant('revoked', 4, { state: 'revoked' });
  const over = grant('over', 5, { expired: true });
  expect(grantToGoOn([older, over, waits, revoked, called])?.id).toBe('waits');
  // Its calls are still to be seen when the only one was called with.
  expect(grantToGoOn([called, revoked])?.id).toBe('called');
  expect(grantToGoOn([revoked, over])).toBeUndefined();
});

test('each step resumes from what is there, and none asks for a thing twice', () => {
  const all = { server: true, credential: true, policy: true };
  const rows: [Parameters<typeof doneOf>[0], string | undefined][] = [
    [{ server: false, credential: false, policy: false, grants: [] }, 'server'],
    [{ ...all, credential: false, policy: false, grants: [] }, 'credential'],
    [{ ...all, policy: false, grants: [] }, 'policy'],
    [{ ...all, grants: [] }, 'grant'],
    // Who said that the server needs no credential is not asked again after the policy.
    [{ ...all, credential: false, grants: [] }, 'grant'],
    [{ ...all, grants: [grant('waits', 1)] }, 'call'],
    [{ ...all, grants: [grant('revoked', 1, { state: 'revoked' })] }, 'grant'],
    [{ ...all, grants: [grant('called', 1, CALLED)] }, undefined],
  ];
  for (const [there, step] of rows) expect(stepAtHand(doneOf(there))).toBe(step);
});
