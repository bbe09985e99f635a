// What an agent was told of a denial: the words of the rule, as they stand in the version that decided.
import { api } from '../../api/client';
import { parse, valueAt } from '../../builder/document';
import { rulePath } from '../../builder/reading';
import type { Call } from '../../lib/road';

/** The message of a rule in a document, where it has one of its own. */
export function messageOf(text: string, rule: string): string | undefined {
  const doc = parse(text);
  const path = doc.broken ? undefined : rulePath(doc, rule);
  const message = path && valueAt(doc, [...path, 'on_deny']);
  return typeof message === 'string' && message !== '' ? message : undefined;
}

/** The words of the rule that denied a call; absent where the rule has none of its own. */
export function useSaid(call: Call): string | undefined {
  const judge = call.decision === 'denied' && call.rule.startsWith('/') ? call.policy : undefined;
  const version = api.useQuery(
    'get',
    '/api/v1/policies/{id}/versions/{number}',
    { params: { path: { id: judge?.id ?? '', number: String(judge?.version ?? '') } } },
    { enabled: judge !== null && judge !== undefined, staleTime: Infinity, retry: 0 },
  );
  return judge && version.data ? messageOf(version.data.text, call.rule) : undefined;
}
