// How far a rotation has come, in numbers for people.
import type { Schemas } from '../../api/client';

type Keyring = Pick<Schemas['KeyringOut'], 'versions' | 'remaining' | 'per_second'>;

/** The share of all values that the active key seals, rounded down: never 100 while some are left. */
export function progressOf({ versions, remaining }: Keyring): number {
  const all = versions.reduce((sum, one) => sum + one.records, 0);
  return all === 0 ? 100 : Math.floor(((all - remaining) / all) * 100);
}

/** How long the rest takes at the rate that is promised. */
export function timeLeft({ remaining, per_second: rate }: Keyring): string {
  const seconds = Math.ceil(remaining / Math.max(1, rate));
  return seconds < 90 ? `${seconds} s` : `${Math.ceil(seconds / 60)} min`;
}
