// The grants a member answers for: their own, and those of agents they own.
import type { Schemas } from '../api/client';

export const answersFor = (
  member: Schemas['MemberOut'],
  grants: Schemas['GrantOut'][],
): Schemas['GrantOut'][] =>
  grants.filter((grant) => grant.state !== 'revoked' && grant.owner?.id === member.id);
