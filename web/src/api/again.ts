// A refused request that a person can make good: they sign in or prove who they are, and it goes out again.

/** What is asked of the person: to sign in again, or to prove afresh who they are. */
export type Missing = 'session' | 'proof';

type Asker = (missing: Missing) => void;

let asker: Asker | undefined;
const waiting: Record<Missing, ((good: boolean) => void)[]> = { session: [], proof: [] };

/** Closed without an answer: what refreshes by itself leaves the person in peace until they do something. */
let closed = false;

/** What a person presses: links, buttons, fields. */
const PRESSED = 'a, button, input, select, textarea, summary, [role="button"], [role="tab"]';

/** The person goes on: what they ask for now may bring the question back. */
export function goesOn(): void {
  closed = false;
}

/** The dialog that asks registers itself here, once. */
export function whoAsks(ask: Asker): () => void {
  asker = ask;
  closed = false;
  // Before whatever is pressed acts on it: the button that closes the question comes after this.
  const pressed = ({ target }: Event) => {
    if (target instanceof Element && target.closest(PRESSED)) goesOn();
  };
  window.addEventListener('click', pressed, true);
  return () => {
    asker = undefined;
    window.removeEventListener('click', pressed, true);
    settle('session', false);
    settle('proof', false);
  };
}

const reopened = new Set<() => void>();

/** Tells whoever gave up for want of a session that there is one again. */
export function onReopened(listener: () => void): () => void {
  reopened.add(listener);
  return () => reopened.delete(listener);
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

/** Shows the dialog without holding anything back for it, unless the person has just closed it. */
export function ask(missing: Missing): void {
  if (!closed) asker?.(missing);
}

/** The dialog ended: what waited for it goes on, or is refused as it was. */
export function settle(missing: Missing, good: boolean): void {
  const held = waiting[missing];
  waiting[missing] = [];
  closed = !good;
  if (good) reopened.forEach((listener) => listener());
  held.forEach((resolve) => resolve(good));
}
