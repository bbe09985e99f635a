// Somebody saved the same thing first: what is kept of what was typed, and what of theirs.

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

/**
 * What a form holds once the newest state is read: a field that the person changed stays as they typed it,
 * one that they left alone is theirs. `apart` names the changed ones that are something else with them.
 */
export function beside<T extends Record<string, unknown>>(
  before: T,
  mine: T,
  theirs: T,
): { kept: T; apart: (keyof T)[] } {
  const names = Object.keys(mine) as (keyof T)[];
  const touched = names.filter((name) => !same(before[name], mine[name]));
  const kept = { ...theirs };
  for (const name of touched) kept[name] = mine[name];
  return { kept, apart: touched.filter((name) => !same(mine[name], theirs[name])) };
}
