// Test cases of a policy as JSON texts: a case is put beside the others with every digit as it was typed.
import { parseTree } from 'jsonc-parser';
import type { Field } from './fields';
import { bodyWith, pretty } from './raw';
import type { Call } from './road';

export type Outcome = 'allow' | 'hold' | 'deny';

/** What the policy decided of a recorded call. */
export function outcomeOf(call: Call): Outcome {
  if (call.decision === 'denied') return 'deny';
  // People said yes; the policy asked for them.
  return call.decision === 'held' || call.reason === 'approved' ? 'hold' : 'allow';
}

/** What was typed for a field, as JSON: numbers keep every digit; what is no JSON is a text. */
export function jsonOf(field: Pick<Field, 'type'> | undefined, typed: string): string {
  if (field?.type === 'string') return JSON.stringify(typed);
  try {
    JSON.parse(typed);
    return typed.trim();
  } catch {
    return JSON.stringify(typed);
  }
}

/** Whether a rule is a limit. */
export const isLimit = (rule: string): boolean =>
  /^\/(tools\/[^/]+|(?!tools\/)[^/]+)\/limits\//.test(rule);

export interface NewCase {
  name: string;
  tool: string;
  /** Values by name, as JSON. */
  values: Record<string, string>;
  outcome: Outcome;
  rule: string;
  /** What was used of the limit that is the rule. */
  used: string;
  /** Whose call it was, where the policy asks for that. */
  grant: { label: string; identity: string } | undefined;
  known: string[];
}

/** How the tool's definition stood when such a rule decided; nothing where it lists what was sent. */
const definitionOf = (rule: string, known: string[]): unknown => {
  if (rule === '(unknown tool)') return 'unknown';
  if (rule === '(tool unknown)') return 'not_accepted';
  if (rule === '(tool changed)') return { arguments: known, changed: true };
  return rule.endsWith('/unlisted_args') ? { arguments: known } : undefined;
};

/** A case as JSON. */
export function caseText(of: NewCase): string {
  const args = bodyWith({}, of.values);
  const call = bodyWith({ tool: of.tool }, { arguments: args });
  const usage: Record<string, string> = isLimit(of.rule)
    ? { usage: bodyWith({}, { [of.rule]: of.used }) }
    : {};
  const definition = definitionOf(of.rule, of.known);
  const { name, outcome, rule, grant } = of;
  return bodyWith(
    { name, call: 0, ...(grant ? { grant } : {}), ...(definition ? { definition } : {}) },
    {
      call,
      ...usage,
      expect: JSON.stringify({ outcome, ...(rule === '' ? {} : { rule }) }),
    },
  );
}

/** The cases with one more, those before it to the letter. */
export function withCaseText(cases: string | null, added: string): string {
  const root = cases === null ? undefined : parseTree(cases);
  if (cases === null || root?.type !== 'array') return pretty(`[${added}]`);
  const last = root.children?.at(-1);
  const at = last ? last.offset + last.length : root.offset + 1;
  return pretty(`${cases.slice(0, at)}${last ? ',' : ''}${added}${cases.slice(at)}`);
}
