// Changes a tool's state in a document: Allow, Deny, Hide, Custom.
import { insert, nodeAt, parse, remove, set, valueAt } from './document';
import { keysFor, listAt, stateOf, type ToolState } from './reading';

const without = (text: string, tool: string): string => {
  const at = listAt<string>(parse(text), ['hide']).indexOf(tool);
  return at < 0 ? text : remove(text, ['hide', at], 1);
};

/** The text in which the tool is in the state; rules of its own go when it needs none. */
export function setState(text: string, tool: string, state: ToolState): string {
  const doc = parse(text);
  if (stateOf(doc, tool) === state) return text;
  if (state === 'hide') return insert(text, ['hide'], tool);
  const shown = without(text, tool);
  const own = nodeAt(parse(shown), ['tools', tool]) !== undefined;
  if (state === 'custom') return own ? shown : set(shown, ['tools', tool], {});
  if (state === 'allow') {
    const reached = stateOf(parse(shown), tool) === 'allow';
    return reached ? shown : set(shown, ['tools', tool], {});
  }
  const bare = own ? remove(shown, ['tools', tool]) : shown;
  const after = parse(bare);
  if (valueAt(after, ['default']) === 'deny' && keysFor(after, tool).length === 0) return bare;
  return set(bare, ['tools', tool], { deny_if: [{ conditions: [] }] });
}
