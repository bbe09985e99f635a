import { expect, test } from 'vitest';
import type { Problem } from '../api/client';
import { roleNeeded } from './ProblemView';

const problem = (code: string, detail: string): Problem => ({
  ...{ type: `urn:countersign:problem:${code}`, title: '', status: 403, request_id: 'req_1' },
  ...{ code, detail, errors: [] },
});

test('a role is named where it was the role that was refused, and nowhere else', () => {
  const said = 'this needs the role policy_manager, and you have the role viewer';
  expect(roleNeeded(problem('forbidden', said))).toBe('policy_manager');
  for (const code of [
    'four_eyes',
    'not_asked',
    'session_required',
    'reauthentication_required',
    'not_allowed_here',
    'cross_origin',
  ]) {
    expect(roleNeeded(problem(code, 'this is for somebody else'))).toBeUndefined();
  }
  expect(roleNeeded(problem('forbidden', 'the scopes of this key do not reach'))).toBeUndefined();
});
