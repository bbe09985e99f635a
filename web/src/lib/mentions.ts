// What documents speak of: the rules they state, and the tools they name.
import { parse, type Path, pointerOf, valueAt } from '../builder/document';
import { type Condition, LISTS, spell } from '../builder/language';
import { covers, keysFor, keysOf, listAt } from '../builder/reading';

/** Where a document speaks of a tool, as pointers; rules for every tool are not meant. */
export function mentions(text: string, tool: string): string[] {
  const doc = parse(text);
  if (doc.broken) return [];
  const hidden = valueAt(doc, ['hide']);
  const hides =
    Array.isArray(hidden) && hidden.some((key) => typeof key === 'string' && covers(key, tool));
  return [
    ...keysFor(doc, tool).map((key) => pointerOf(['tools', key])),
    ...(hides ? ['/hide'] : []),
  ];
}

/** The rules of a document, as decisions name them. */
export function rulesOf(text: string): string[] {
  const doc = parse(text);
  if (doc.broken) return [];
  const bases: Path[] = [['all_tools'], ...keysOf(doc, ['tools']).map((key) => ['tools', key])];
  return bases.flatMap((base) =>
    LISTS.flatMap((list) =>
      listAt<{ id?: string; counter?: string; conditions?: Condition[] }>(doc, [...base, list]).map(
        (entry) => {
          const name = entry?.counter ?? entry?.id ?? spell(entry?.conditions ?? []);
          return pointerOf([...base, list, name]);
        },
      ),
    ),
  );
}
