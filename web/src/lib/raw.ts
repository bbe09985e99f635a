// JSON that passes through unread: numbers keep every digit that a float would lose.
import { applyEdits, findNodeAtLocation, format, parseTree } from 'jsonc-parser';

/** The very characters of a member of a JSON text; nothing where it is absent or `null`. */
export function rawMember(text: string, ...path: string[]): string | null {
  const root = parseTree(text);
  const node = root && findNodeAtLocation(root, path);
  if (!node || node.type === 'null') return null;
  return text.slice(node.offset, node.offset + node.length);
}

/** A JSON text over several lines; what it holds stays to the letter. */
export function pretty(text: string): string {
  const options = { insertSpaces: true, tabSize: 2, eol: '\n' };
  return applyEdits(text, format(text, undefined, options));
}

const MARK = '\u0001raw\u0001';

/** A body in which some members stand as they were written. */
export function bodyWith(fields: Record<string, unknown>, raw: Record<string, string>): string {
  const names = Object.keys(raw);
  const marked = Object.fromEntries(names.map((name, at) => [name, MARK + at]));
  return names.reduce(
    (text, name, at) => text.replace(JSON.stringify(MARK + at), () => raw[name] ?? 'null'),
    JSON.stringify({ ...fields, ...marked }),
  );
}
