// Policies to begin with, made for the tools that a server lists.
import type { Field } from './fields';

export type Template = 'readOnly' | 'payments' | 'hours' | 'person';

export interface KnownTool {
  name: string;
  fields: Field[];
}

/** Names that say that a tool only reads. What a tool really does, its name cannot prove. */
const READS =
  /^(get|list|read|search|find|fetch|describe|show|count|query|lookup|retrieve)([_\-A-Z]|$)/;

export const readsOnly = (name: string): boolean => READS.test(name);

export function template(kind: Template, tools: KnownTool[]): string {
  const reading = tools.filter((tool) => readsOnly(tool.name));
  const named = (some: KnownTool[], value: (tool: KnownTool) => unknown) =>
    Object.fromEntries(some.map((tool) => [tool.name, value(tool)]));
  const amount = (tool: KnownTool) =>
    tool.fields.find(
      (field) => field.path === 'args.amount' && /number|integer/.test(field.type ?? ''),
    );
  const money = tools.filter((tool) => !readsOnly(tool.name) && amount(tool));
  const document = {
    readOnly: () => ({ version: '1', default: 'deny', tools: named(reading, () => ({})) }),
    payments: () => ({
      version: '1',
      default: 'deny',
      tools: {
        ...named(reading, () => ({})),
        ...named(money, (tool) => ({
          approve_if: [
            {
              id: 'over-500',
              conditions: [{ path: 'args.amount', op: 'gt', value: 500 }],
              approvers: ['role:admin'],
              expires_in: '30m',
            },
          ],
          limits: [
            {
              counter: 'value-per-day',
              window: 'day',
              max: 5000,
              amount: 'args.amount',
              ...(tool.fields.some((field) => field.path === 'args.currency' && field.required)
                ? { per: ['args.currency'] }
                : {}),
              on_deny: 'The amount for today is used up.',
            },
          ],
        })),
      },
    }),
    hours: () => ({
      version: '1',
      default: 'deny',
      all_tools: {
        deny_if: [
          {
            id: 'outside-hours',
            conditions: [
              {
                any: [
                  { path: 'request.weekday', op: 'in', value: ['sat', 'sun'] },
                  { path: 'request.time', op: 'lt', value: '08:00' },
                  { path: 'request.time', op: 'gte', value: '18:00' },
                ],
              },
            ],
            on_deny: 'Only on weekdays from 8 to 18 UTC.',
          },
        ],
      },
      tools: named(tools, () => ({})),
    }),
    person: () => ({
      version: '1',
      default: 'deny',
      all_tools: { approve_if: [{ id: 'always', conditions: [], approvers: ['role:admin'] }] },
      tools: named(tools, () => ({})),
    }),
  }[kind]();
  return `${JSON.stringify(document, null, 2)}\n`;
}

export const BLANK = `${JSON.stringify({ version: '1', default: 'deny', tools: {} }, null, 2)}\n`;
