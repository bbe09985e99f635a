// A policy as text: read into a tree, and changed only where somebody changes it. All else keeps
// its bytes: order, spaces, and every digit of every number.
import {
  applyEdits,
  type FormattingOptions,
  findNodeAtLocation,
  getNodeValue,
  type JSONPath,
  modify,
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

export function parse(text: string): Parsed {
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

/** How the document is written, so that what is added looks like the rest. */
function formatting(text: string): FormattingOptions {
  const indent = /\n([ \t]+)\S/.exec(text)?.[1] ?? '  ';
  return {
    insertSpaces: !indent.startsWith('\t'),
    tabSize: indent.startsWith('\t') ? 1 : indent.length,
    eol: text.includes('\r\n') ? '\r\n' : '\n',
  };
}

/** The text with a value set, inserted or, where it is `undefined`, removed. */
export function set(text: string, path: Path, value: unknown): string {
  const formattingOptions = formatting(text);
  return applyEdits(text, modify(text, path, value, { formattingOptions }));
}

/** The text with a value put into a list, before the place `at`; at the end without one. */
export function insert(text: string, list: Path, value: unknown, at?: number): string {
  const doc = parse(text);
  if (nodeAt(doc, list) === undefined) return set(text, list, [value]);
  const count = nodeAt(doc, list)?.children?.length ?? 0;
  const place = at ?? count;
  return applyEdits(
    text,
    modify(text, [...list, place], value, {
      formattingOptions: formatting(text),
      isArrayInsertion: true,
    }),
  );
}

const MARK = '\u0001raw\u0001';

/** The text with a literal set as it is written: a number keeps every digit. */
export function setRaw(text: string, path: Path, literal: string): string {
  const node = nodeAt(parse(text), path);
  if (node) return text.slice(0, node.offset) + literal + text.slice(node.offset + node.length);
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
