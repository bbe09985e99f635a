// A refused request that a person can make good: they sign in or prove who they are, and it goes out again.

/** What is asked of the person: to sign in again, or to prove afresh who they are. */
export type Missing = 'session' | 'proof';

type Asker = (missing: Missing) => void;

let asker: Asker | undefined;
const waiting: Record<Missing, ((good: boolean) => void)[]> = { session: [], proof: [] };

/** The dialog that asks registers itself here, once. */
export function whoAsks(ask: Asker): () => void {
  asker = ask;
  return () => {
    asker = undefined;
    settle('session', false);
    settle('proof', false);
  };
}

/** Shows the dialog and waits for its end; `false` when nobody asks or the person gave up. */
export function made(missing: Missing): Promise<boolean> {
  if (!asker) return Promise.resolve(false);
  const ask = asker;
  return new Promise((resolve) => {
    waiting[missing].push(resolve);
    ask(missing);
  });
}

/** Shows the dialog without holding anything back for it. */
export function ask(missing: Missing): void {
  asker?.(missing);
}

/** The dialog ended: what waited for it goes on, or is refused as it was. */
export function settle(missing: Missing, good: boolean): void {
  const held = waiting[missing];
  waiting[missing] = [];
  held.forEach((resolve) => resolve(good));
}
