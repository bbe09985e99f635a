// What a document says of a tool, and where a rule that a decision names stands in it.
import { same } from './same';
import { nodeAt, type Parsed, type Path, pathOf, pointerOf, stepsOf, valueAt } from './document';
import { type Condition, type Limit, LISTS, type Rule, spell } from './language';

/** What a tool is under a document, in one word. */
export type ToolState = 'allow' | 'deny' | 'hide' | 'custom';

const patternOf = (pattern: string): RegExp => {
  const parts = pattern.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('[^]*')}$`, 'u');
};

/** Whether a name is covered by a pattern with `*`. */
export const covers = (pattern: string, name: string): boolean => patternOf(pattern).test(name);

export const keysOf = (doc: Parsed, path: Path): string[] => {
  const node = nodeAt(doc, path);
  if (node?.type !== 'object') return [];
  return (node.children ?? []).map((property) => String(property.children?.[0]?.value));
};

export const listAt = <T>(doc: Parsed, path: Path): T[] => {
  const value = valueAt(doc, path);
  return Array.isArray(value) ? (value as T[]) : [];
};

/** What a key of `tools` does by itself. */
type Does = 'nothing' | 'denies' | 'judges';

/** What a document says of tools, read from it once: a list of names asks for one after another. */
interface Reading {
  keys: Set<string>;
  patterns: { key: string; covered: RegExp }[];
  hidden: RegExp[];
  unlisted: 'allow' | 'deny';
  does: Map<string, Does>;
  states: Map<string, ToolState>;
}
const readings = new WeakMap<Parsed, Reading>();

function readingOf(doc: Parsed): Reading {
  const before = readings.get(doc);
  if (before) return before;
  const keys = new Set(keysOf(doc, ['tools']));
  const reading: Reading = {
    keys,
    patterns: [...keys]
      .filter((key) => key.includes('*'))
      .map((key) => ({ key, covered: patternOf(key) })),
    // A draft may hold anything.
    hidden: listAt(doc, ['hide'])
      .filter((pattern) => typeof pattern === 'string')
      .map(patternOf),
    unlisted: valueAt(doc, ['default']) === 'allow' ? 'allow' : 'deny',
    does: new Map(),
    states: new Map(),
  };
  readings.set(doc, reading);
  return reading;
}

/** The keys of `tools` that judge a tool: an exact one alone, otherwise every pattern. */
export function keysFor(doc: Parsed, tool: string): string[] {
  const { keys, patterns } = readingOf(doc);
  if (keys.has(tool)) return [tool];
  return patterns.filter(({ covered }) => covered.test(tool)).map(({ key }) => key);
}

function doesOf(doc: Parsed, key: string): Does {
  const { does } = readingOf(doc);
  const before = does.get(key);
  if (before) return before;
  const value = valueAt(doc, ['tools', key]);
  const rules = (value as { deny_if?: { conditions?: Condition[] }[] } | null)?.deny_if;
  const denies = Array.isArray(rules) && rules.some((rule) => same(rule?.conditions, []));
  const found = same(value, {}) ? 'nothing' : denies ? 'denies' : 'judges';
  does.set(key, found);
  return found;
}

/** What a document makes of a tool: worked out once for each name. */
export function stateOf(doc: Parsed, tool: string): ToolState {
  const { states } = readingOf(doc);
  const before = states.get(tool);
  if (before) return before;
  const state = stateAnew(doc, tool);
  states.set(tool, state);
  return state;
}

function stateAnew(doc: Parsed, tool: string): ToolState {
  const { hidden, unlisted } = readingOf(doc);
  if (hidden.some((covered) => covered.test(tool))) return 'hide';
  const does = keysFor(doc, tool).map((key) => doesOf(doc, key));
  if (does.length === 0) return unlisted;
  if (does.every((one) => one === 'nothing')) return 'allow';
  return does.includes('denies') ? 'deny' : 'custom';
}

/** Whether the rules for every tool leave a call alone. */
const isPlain = (doc: Parsed): boolean =>
  LISTS.every((list) => listAt(doc, ['all_tools', list]).length === 0);

/** What becomes of a call of the tool: its own state, and the rules for every tool besides. */
export function effectOn(doc: Parsed, tool: string): ToolState {
  const own = stateOf(doc, tool);
  return own === 'allow' && !isPlain(doc) ? 'custom' : own;
}

/** What the engine calls a rule or a limit within its list. */
export const nameOf = (entry: (Rule & Limit) | undefined, list: string): string | undefined =>
  list === 'limits' ? entry?.counter : (entry?.id ?? spell(entry?.conditions ?? []));

type Places = Map<string | undefined, number>;
const placesOf = new WeakMap<Parsed, Map<string, Places>>();

/** The places of a list by the names of its rules, read once: every row asks for its own. */
function placesIn(doc: Parsed, path: Path, list: string): Places {
  const lists = placesOf.get(doc) ?? new Map<string, Places>();
  placesOf.set(doc, lists);
  const pointer = pointerOf(path);
  const before = lists.get(pointer);
  if (before) return before;
  const places: Places = new Map();
  listAt<Rule & Limit>(doc, path).forEach((entry, at) => {
    const name = nameOf(entry, list);
    // Of two that share a name the first one is meant.
    if (!places.has(name)) places.set(name, at);
  });
  lists.set(pointer, places);
  return places;
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
  const named = list === 'limits' || (name !== undefined && LISTS.some((known) => known === list));
  const at = named ? placesIn(doc, [...base, list], list).get(name) : undefined;
  if (at !== undefined) return [...base, list, at];
  const plain = pathOf(doc, rule);
  if (nodeAt(doc, plain)) return plain;
  // `unlisted_args` is judged even where nobody wrote it.
  return nodeAt(doc, base) ? base : undefined;
}
