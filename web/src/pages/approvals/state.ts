// What the state of an approval looks like, and whom its rules ask, in words.
import type { Schemas } from '../../api/client';
import { approvals } from '../../text/approvals';
import { can } from '../../text/shell';
import type { Kind } from '../../ui/Word';

const KINDS: Record<string, Kind> = {
  pending: 'waiting',
  approved: 'allowed',
  consumed: 'allowed',
  denied: 'denied',
};

export const kindOf = (state: string): Kind => KINDS[state] ?? 'hidden';

/** `finance`, `any admin`, `a@example.org`, as the rule asks. */
export function whom(need: Schemas['NeedOut']): string {
  const names = need.approvers.map((name) => {
    const [kind = '', rest = ''] = [
      name.slice(0, name.indexOf(':')),
      name.slice(name.indexOf(':') + 1),
    ];
    if (kind === 'role') return approvals.one.role(can.role(rest));
    return rest || name;
  });
  return names.join(', ');
}
