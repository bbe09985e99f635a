// What state an account is in, in words, and who can mend it.
import type { Schemas } from '../../../api/client';
import { credentials as c } from '../../../text/credentials';
import type { Kind } from '../../../ui/Word';

type Connection = Schemas['ConnectionOut'];

export interface Standing {
  kind: Kind;
  text: string;
  /** Why, where somebody has to do something. */
  why?: string | undefined;
}

export function standing(of: Connection): Standing {
  const who = of.identity === '' ? c.anAdmin : c.orAdmin(of.identity);
  if (of.state === 'reconnect')
    return {
      kind: 'denied',
      text: c.needed,
      why: [c.neededBy(who), of.reason && (c.reasons[of.reason] ?? of.reason)]
        .filter(Boolean)
        .join(' '),
    };
  if (!of.opens)
    return { kind: 'denied', text: c.needed, why: `${c.neededBy(who)} ${c.notOpening}` };
  if (of.key_version === null || of.key_version === undefined)
    return { kind: 'waiting', text: c.waitsFirst };
  return { kind: 'allowed', text: c.works };
}
