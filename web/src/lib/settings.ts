// What this browser remembers of a person's choices. Never a value of a call, a token or a credential.

const PREFIX = 'countersign.';

/** What the names begin with of texts that the server does not have yet. */
export const UNSENT = 'unsent.';

export function keep(name: string, value: unknown): void {
  try {
    // eslint-disable-next-line no-restricted-globals
    localStorage.setItem(PREFIX + name, JSON.stringify(value));
  } catch {
    // A browser that keeps nothing forgets the choice with the page.
  }
}

export function kept<T>(name: string, otherwise: T): T {
  try {
    // eslint-disable-next-line no-restricted-globals
    const text = localStorage.getItem(PREFIX + name);
    return text === null ? otherwise : (JSON.parse(text) as T);
  } catch {
    return otherwise;
  }
}

export function forget(name: string): void {
  try {
    // eslint-disable-next-line no-restricted-globals
    localStorage.removeItem(PREFIX + name);
  } catch {
    // It was never kept.
  }
}

/** Forgets everything whose name begins so. */
export function forgetAll(beginning: string): void {
  try {
    // eslint-disable-next-line no-restricted-globals
    for (const name of Object.keys(localStorage))
      if (name.startsWith(PREFIX + beginning)) forget(name.slice(PREFIX.length));
  } catch {
    // Nothing was ever kept.
  }
}
