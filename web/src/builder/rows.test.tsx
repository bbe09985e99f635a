// @vitest-environment happy-dom
// A long policy: what is not touched is neither drawn nor worked out again.
import { MantineProvider } from '@mantine/core';
import { cleanup, fireEvent, render, screen } from '@testing-library/react';
import { type ReactNode, useState } from 'react';
import { afterEach, expect, test, vi } from 'vitest';
import type { Schemas } from '../api/client';
import { theme } from '../app/theme';
import Builder from './Builder';
import { parse } from './document';
import { stateOf } from './reading';

const seen = vi.hoisted(() => ({ sentences: [] as string[], compared: 0 }));
vi.mock('../api/client', () => ({ api: { useQuery: () => ({ data: undefined, error: null }) } }));
vi.mock('./sentence', async (original) => {
  const real = await original<typeof import('./sentence')>();
  return {
    ...real,
    ruleText: (...given: Parameters<typeof real.ruleText>) => {
      const sentence = real.ruleText(...given);
      seen.sentences.push(sentence);
      return sentence;
    },
  };
});
vi.mock('./same', async (original) => {
  const real = await original<typeof import('./same')>();
  return {
    same: (a: unknown, b: unknown) => {
      seen.compared += 1;
      return real.same(a, b);
    },
  };
});

afterEach(cleanup);

const RULES = 12;
const rules = (name: string) =>
  Array.from({ length: RULES }, (_, at) => ({
    conditions: [{ path: `args.${name}`, op: 'gt', value: at }],
  }));
const TEXT = JSON.stringify({
  version: '1',
  default: 'deny',
  tools: { pay: { deny_if: rules('amount'), approve_if: rules('fee') } },
});
const policy = { id: 'p', name: 'p' } as Schemas['PolicyWhole'];

let written = '';
function Desk() {
  const [text, setText] = useState(TEXT);
  return (
    <Builder
      text={text}
      setText={(next) => {
        written = next;
        setText(next);
      }}
      undo={undefined}
      redo={undefined}
      // As the page gives them: made anew with each drawing.
      tools={[{ name: 'pay', state: 'accepted', fields: [] }]}
      policy={policy}
      readOnly={false}
      at="/tools/pay"
      show={() => undefined}
      toJson={() => undefined}
    />
  );
}
const drawn = (what: ReactNode) =>
  render(<MantineProvider theme={theme}>{what}</MantineProvider>).container;

test('a rule that is opened or changed is drawn again, and no other rule is', () => {
  drawn(<Desk />);
  expect(seen.sentences).toHaveLength(2 * RULES);
  seen.sentences = [];
  fireEvent.click(screen.getByRole('button', { name: 'Edit: amount is over 3' }));
  expect(seen.sentences).toEqual(['amount is over 3']);
  seen.sentences = [];
  const told = screen.getByLabelText('What the agent is told');
  for (const value of ['N', 'No']) fireEvent.change(told, { target: { value } });
  expect(seen.sentences).toEqual(['amount is over 3', 'amount is over 3']);
  expect(written).toBe(TEXT.replace('"value":3}]}', '"value":3}],"on_deny":"No"}'));
  seen.sentences = [];
  fireEvent.click(screen.getByRole('button', { name: 'Move down: amount is over 3' }));
  expect(new Set(seen.sentences)).toEqual(new Set(['amount is over 3', 'amount is over 4']));
  // What was opened is still open, in its new place.
  screen.getByRole('button', { name: 'Done: amount is over 3' });
});

test('what a document makes of a name is worked out once', () => {
  const doc = parse(TEXT.replace('"pay"', '"pay*"'));
  expect(stateOf(doc, 'pay_out')).toBe('custom');
  seen.compared = 0;
  for (let n = 0; n < 50; n += 1) expect(stateOf(doc, 'pay_out')).toBe('custom');
  // Another name under the same pattern asks nothing of its rules either.
  expect(stateOf(doc, 'pay_back')).toBe('custom');
  expect(seen.compared).toBe(0);
});
