// What every part of the builder works with: the document, and the one way to change it.
import { createContext, useContext } from 'react';
import type { Field } from '../lib/fields';
import type { PolicyUse } from '../lib/use';
import type { Parsed, Path } from './document';
import * as edit from './document';

export interface Desk {
  doc: Parsed;
  readOnly: boolean;
  /** The arguments that rules can read, from the schema of the tool at hand. */
  fields: Field[];
  apply: (text: string) => void;
}

export interface Used {
  /** The policy's name. */
  policy: string;
  counts: PolicyUse;
  /** The version that is live. */
  live: Parsed;
}

const nothing: Desk = {
  doc: edit.parse('{}'),
  readOnly: true,
  fields: [],
  apply: () => undefined,
};
export const DeskContext = createContext<Desk>(nothing);

/**
 * How often each rule decided in the last seven days, once that is known. It stands apart from the
 * document: an edit changes no count, so the rows that show them need not be drawn again.
 */
export const UsedContext = createContext<Used | undefined>(undefined);

/** Ways to change the document at hand. Each rewrites only what it touches. */
export function useDesk() {
  const desk = useContext(DeskContext);
  const { text } = desk.doc;
  return {
    ...desk,
    set: (path: Path, value: unknown) => desk.apply(edit.set(text, path, value)),
    setRaw: (path: Path, literal: string) => desk.apply(edit.setRaw(text, path, literal)),
    /** Sets a text, or takes the member away where it is empty. */
    setText: (path: Path, value: string) =>
      desk.apply(edit.set(text, path, value === '' ? undefined : value)),
    insert: (list: Path, value: unknown) => desk.apply(edit.insert(text, list, value)),
    swap: (list: Path, a: number, b: number) => desk.apply(edit.swap(text, list, a, b)),
    remove: (path: Path, pruneTo?: number) => desk.apply(edit.remove(text, path, pruneTo)),
    value: (path: Path) => edit.valueAt(desk.doc, path),
    raw: (path: Path) => edit.rawAt(desk.doc, path),
  };
}
