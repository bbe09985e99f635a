// A policy as text: read into a tree, and changed only where somebody changes it. All else keeps
// its bytes: order, spaces, and every digit of every number.
import {
  findNodeAtLocation,
  getNodeValue,
  type JSONPath,
  type Node,
  type ParseError,
  parseTree,
  printParseErrorCode,
} from 'jsonc-parser';

export type Path = JSONPath;

export interface Parsed {
  text: string;
  root: Node | undefined;
  /** Why it does not parse, with the place. */
  broken: { line: number; column: number; offset: number; reason: string } | undefined;
}

/** Line and column of an offset, both from 1. */
export function placeOf(text: string, offset: number): { line: number; column: number } {
  const before = text.slice(0, offset);
  const line = before.split('\n').length;
  return { line, column: offset - before.lastIndexOf('\n') };
}

/** The texts that were read last: one edit asks for the same text from several places. */
const read = new Map<string, Parsed>();
const READ_MAX = 4;

/** A text as a tree. Nobody changes a tree, so whoever asks for the same text shares it. */
export function parse(text: string): Parsed {
  const before = read.get(text);
  if (before) return before;
  const parsed = parseAnew(text);
  read.set(text, parsed);
  for (const oldest of read.keys()) {
    if (read.size <= READ_MAX) break;
    read.delete(oldest);
  }
  return parsed;
}

function parseAnew(text: string): Parsed {
  const errors: ParseError[] = [];
  const root = parseTree(text, errors, {
    disallowComments: true,
    allowTrailingComma: false,
    allowEmptyContent: false,
  });
  const first = errors[0];
  if (first) {
    const reason = printParseErrorCode(first.error)
      .replace(/([A-Z])/g, ' $1')
      .trim()
      .toLowerCase();
    const broken = { ...placeOf(text, first.offset), offset: first.offset, reason };
    return { text, root, broken };
  }
  if (root?.type !== 'object') {
    return {
      text,
      root,
      broken: { line: 1, column: 1, offset: 0, reason: 'a policy is an object' },
    };
  }
  return { text, root, broken: undefined };
}

export const nodeAt = (doc: Parsed, path: Path): Node | undefined =>
  doc.root && findNodeAtLocation(doc.root, path);

export const valueAt = (doc: Parsed, path: Path): unknown => {
  const node = nodeAt(doc, path);
  return node === undefined ? undefined : (getNodeValue(node) as unknown);
};

/** The very characters that stand there: the only exact way to read a number. */
export function rawAt(doc: Parsed, path: Path): string | undefined {
  const node = nodeAt(doc, path);
  return node && doc.text.slice(node.offset, node.offset + node.length);
}

/** How a document is written, so that what is added looks like the rest. */
interface Style {
  /** One step to the right; empty where everything stands on one line. */
  unit: string;
  end: string;
  /** What follows a colon or a comma within a line. */
  gap: string;
}

function styleOf(text: string): Style {
  const end = text.includes('\r\n') ? '\r\n' : '\n';
  const unit = text.trimEnd().includes('\n') ? (/\n([ \t]+)\S/.exec(text)?.[1] ?? '  ') : '';
  return { unit, end, gap: /[:,] /.test(text) || unit !== '' ? ' ' : '' };
}

/** The blank space that the line of an offset begins with. */
function indentAt(text: string, offset: number): string {
  const start = text.lastIndexOf('\n', offset - 1) + 1;
  return /^[ \t]*/.exec(text.slice(start, offset))?.[0] ?? '';
}

/** A value as text: over several lines from an indent, or on one. */
function written(value: unknown, style: Style, indent: string | undefined): string {
  if (indent === undefined || style.unit === '') {
    const text = JSON.stringify(value);
    if (style.gap === '' || typeof value !== 'object' || value === null) return text;
    const items = Array.isArray(value)
      ? value.map((item) => written(item, style, undefined))
      : Object.entries(value).map(
          ([name, item]) => `${JSON.stringify(name)}: ${written(item, style, undefined)}`,
        );
    if (items.length === 0) return Array.isArray(value) ? '[]' : '{}';
    return Array.isArray(value) ? `[${items.join(', ')}]` : `{ ${items.join(', ')} }`;
  }
  return JSON.stringify(value, null, style.unit).replaceAll('\n', style.end + indent);
}

const splice = (text: string, from: number, to: number, into: string): string =>
  text.slice(0, from) + into + text.slice(to);

const endOf = (node: Node): number => node.offset + node.length;

/** Puts a member or an element into an object or a list; nothing else is rewritten. */
function put(text: string, into: Node, place: number, item: (indent?: string) => string): string {
  const style = styleOf(text);
  const children = into.children ?? [];
  const [before, after] = [children[place - 1], children[place]];
  if (!before && !after) {
    const [from, to] = [into.offset + 1, endOf(into) - 1];
    if (style.unit === '') return splice(text, from, to, item());
    const outer = indentAt(text, into.offset);
    const inner = outer + style.unit;
    return splice(text, from, to, style.end + inner + item(inner) + style.end + outer);
  }
  // What is added stands as its neighbours do: each on a line of its own, or all on one.
  const first = children[0];
  const apart = first !== undefined && text.slice(into.offset, first.offset).includes('\n');
  const indent = apart && first ? indentAt(text, first.offset) : undefined;
  const between = apart ? `,${style.end}${indent ?? ''}` : `,${style.gap}`;
  if (before) return splice(text, endOf(before), endOf(before), between + item(indent));
  return splice(text, after?.offset ?? 0, after?.offset ?? 0, item(indent) + between);
}

/** The text without a child, and without the comma that stood beside it. */
function take(text: string, child: Node): string {
  const parent = child.parent;
  const children = parent?.children ?? [];
  const at = children.indexOf(child);
  const [before, after] = [children[at - 1], children[at + 1]];
  if (before) return splice(text, endOf(before), endOf(child), '');
  if (after) return splice(text, child.offset, after.offset, '');
  return parent ? splice(text, parent.offset + 1, endOf(parent) - 1, '') : text;
}

/** The text with a value set, inserted or, where it is `undefined`, removed. */
export function set(text: string, path: Path, value: unknown): string {
  const doc = parse(text);
  const node = nodeAt(doc, path);
  if (value === undefined) {
    return node ? take(text, node.parent?.type === 'property' ? node.parent : node) : text;
  }
  const style = styleOf(text);
  if (node) {
    const long =
      text.slice(node.offset, endOf(node)).includes('\n') ||
      (node.length <= 2 && style.unit !== '');
    const indent = long ? indentAt(text, node.offset) : undefined;
    return splice(text, node.offset, endOf(node), written(value, style, indent));
  }
  let depth = path.length - 1;
  while (depth > 0 && nodeAt(doc, path.slice(0, depth)) === undefined) depth -= 1;
  const parent = nodeAt(doc, path.slice(0, depth));
  if (!parent) return text;
  const inner = path
    .slice(depth + 1)
    .reduceRight<unknown>((made, name) => ({ [String(name)]: made }), value);
  const place = parent.children?.length ?? 0;
  const name = parent.type === 'array' ? '' : `${JSON.stringify(String(path[depth]))}:${style.gap}`;
  return put(text, parent, place, (indent) => name + written(inner, style, indent));
}

/** The text with a value put into a list, before the place `at`; at the end without one. */
export function insert(text: string, list: Path, value: unknown, at?: number): string {
  const node = nodeAt(parse(text), list);
  if (node?.type !== 'array') return set(text, list, [value]);
  const style = styleOf(text);
  return put(text, node, at ?? node.children?.length ?? 0, (indent) =>
    written(value, style, indent),
  );
}

const MARK = '\u0001raw\u0001';

/** The text with a literal set as it is written: a number keeps every digit. */
export function setRaw(text: string, path: Path, literal: string): string {
  const node = nodeAt(parse(text), path);
  if (node) return splice(text, node.offset, endOf(node), literal);
  return set(text, path, MARK).replace(JSON.stringify(MARK), () => literal);
}

/** The text with a key of an object renamed, in its place. */
export function rename(text: string, path: Path, name: string): string {
  const key = nodeAt(parse(text), path)?.parent?.children?.[0];
  if (!key) return text;
  return text.slice(0, key.offset) + JSON.stringify(name) + text.slice(key.offset + key.length);
}

/** The text with two neighbours of a list exchanged, each with its own bytes. */
export function swap(text: string, list: Path, first: number, second: number): string {
  const items = nodeAt(parse(text), list)?.children ?? [];
  const [a, b] = [items[Math.min(first, second)], items[Math.max(first, second)]];
  if (!a || !b || a === b) return text;
  const cut = (node: Node) => text.slice(node.offset, node.offset + node.length);
  return (
    text.slice(0, a.offset) +
    cut(b) +
    text.slice(a.offset + a.length, b.offset) +
    cut(a) +
    text.slice(b.offset + b.length)
  );
}

/** The text without a member or element, and without the list or object it leaves empty. */
export function remove(text: string, path: Path, pruneTo = path.length): string {
  let next = set(text, path, undefined);
  for (let end = path.length - 1; end >= pruneTo; end -= 1) {
    const above = path.slice(0, end);
    if ((nodeAt(parse(next), above)?.children?.length ?? 1) > 0) break;
    next = set(next, above, undefined);
  }
  return next;
}

export const pointerOf = (path: Path): string =>
  path.map((step) => `/${String(step).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');

export const stepsOf = (pointer: string): string[] =>
  pointer
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));

/** A plain JSON Pointer as a path: a step into a list is a number. */
export function pathOf(doc: Parsed, pointer: string): Path {
  const path: Path = [];
  for (const step of stepsOf(pointer)) {
    const list = nodeAt(doc, path)?.type === 'array';
    path.push(list && /^\d+$/.test(step) ? Number(step) : step);
  }
  return path;
}
