// The schema's word on a document, at once and without the server: where, and what.
import { Validator } from '@cfworker/json-schema';
import schema from '../../../docs/policy.schema.json';
import { type Parsed, pathOf, valueAt } from '../builder/document';
import { placed } from '../builder/placed';
import type { Mark } from './JsonEditor';

const validator = new Validator(schema as object, '2020-12', false);

export interface Fault {
  pointer: string;
  message: string;
}

/** What the schema says of a document; the innermost place of each fault alone. */
export function schemaFaults(doc: Parsed): Fault[] {
  if (doc.broken) return [];
  const { errors } = validator.validate(valueAt(doc, []));
  const outer = new Set([
    'properties',
    'items',
    '$ref',
    'allOf',
    'anyOf',
    'additionalProperties',
    'if',
    'then',
  ]);
  return errors
    .filter((error) => !outer.has(error.keyword) || error.error.includes('false boolean schema'))
    .map((error) => ({ pointer: error.instanceLocation.replace(/^#/, ''), message: error.error }))
    .slice(0, 50);
}

/** Where a pointer stands in the text; the nearest place above it where it does not exist. */
export function stretchOf(doc: Parsed, pointer: string): { from: number; to: number } {
  const path = pathOf(doc, pointer);
  for (let end = path.length; end >= 0; end -= 1) {
    const found = placed(doc, path.slice(0, end));
    if (found) return found;
  }
  return { from: 0, to: 0 };
}

export const markOf = (doc: Parsed, fault: Fault, severity: Mark['severity']): Mark => ({
  ...stretchOf(doc, fault.pointer),
  severity,
  message: fault.message,
});
