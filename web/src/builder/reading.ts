// What a document says of a tool, and where a rule that a decision names stands in it.
import { same } from './same';
import { nodeAt, type Parsed, type Path, pathOf, stepsOf, valueAt } from './document';
import { type Condition, LISTS, spell } from './language';

/** What a tool is under a document, in one word. */
export type ToolState = 'allow' | 'deny' | 'hide' | 'custom';

/** Whether a name is covered by a pattern with `*`. */
export function covers(pattern: string, name: string): boolean {
  const parts = pattern.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('[^]*')}$`, 'u').test(name);
}

export const keysOf = (doc: Parsed, path: Path): string[] => {
  const node = nodeAt(doc, path);
  if (node?.type !== 'object') return [];
  return (node.children ?? []).map((property) => String(property.children?.[0]?.value));
};

/** The keys of `tools` that judge a tool: an exact one alone, otherwise every pattern. */
export function keysFor(doc: Parsed, tool: string): string[] {
  const keys = keysOf(doc, ['tools']);
  if (keys.includes(tool)) return [tool];
  return keys.filter((key) => key.includes('*') && covers(key, tool));
}

export const listAt = <T>(doc: Parsed, path: Path): T[] => {
  const value = valueAt(doc, path);
  return Array.isArray(value) ? (value as T[]) : [];
};

const ALWAYS = { conditions: [] };

export function stateOf(doc: Parsed, tool: string): ToolState {
  if (listAt<string>(doc, ['hide']).some((pattern) => covers(pattern, tool))) return 'hide';
  const keys = keysFor(doc, tool);
  if (keys.length === 0) return valueAt(doc, ['default']) === 'allow' ? 'allow' : 'deny';
  const values = keys.map((key) => valueAt(doc, ['tools', key]));
  if (values.every((value) => same(value, {}))) return 'allow';
  const denies = (value: unknown) => {
    const rules = (value as { deny_if?: { conditions?: Condition[] }[] } | null)?.deny_if;
    return Array.isArray(rules) && rules.some((rule) => same(rule?.conditions, ALWAYS.conditions));
  };
  return values.some(denies) ? 'deny' : 'custom';
}

/** Whether the rules for every tool leave a call alone. */
const isPlain = (doc: Parsed): boolean =>
  LISTS.every((list) => listAt(doc, ['all_tools', list]).length === 0);

/** What becomes of a call of the tool: its own state, and the rules for every tool besides. */
export function effectOn(doc: Parsed, tool: string): ToolState {
  const own = stateOf(doc, tool);
  return own === 'allow' && !isPlain(doc) ? 'custom' : own;
}

/**
 * Where a rule stands: its pointer ends in the rule's name, or in what its conditions spell.
 * `undefined` where no such rule is in the document.
 */
export function rulePath(doc: Parsed, rule: string): Path | undefined {
  if (!rule.startsWith('/')) return undefined;
  const steps = stepsOf(rule);
  const top = steps[0] === 'tools' ? 2 : 1;
  const base = steps.slice(0, top);
  const list = steps[top];
  const name = steps[top + 1];
  if (list === undefined) return nodeAt(doc, base) ? base : undefined;
  if (list === 'limits') {
    const at = listAt<{ counter?: string }>(doc, [...base, list]).findIndex(
      (l) => l?.counter === name,
    );
    if (at >= 0) return [...base, list, at];
  } else if (name !== undefined && LISTS.some((known) => known === list)) {
    const rules = listAt<{ id?: string; conditions?: Condition[] }>(doc, [...base, list]);
    const at = rules.findIndex((entry) => (entry?.id ?? spell(entry?.conditions ?? [])) === name);
    if (at >= 0) return [...base, list, at];
  }
  const plain = pathOf(doc, rule);
  if (nodeAt(doc, plain)) return plain;
  // `unlisted_args` is judged even where nobody wrote it.
  return nodeAt(doc, base) ? base : undefined;
}
