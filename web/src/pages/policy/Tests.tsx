// Test cases kept beside the policy: written as JSON, run by the server against the draft.
import { Button, Group, Stack, Table, Text } from '@mantine/core';
import { lazy } from 'react';
import { api, type Schemas } from '../../api/client';
import { useCan } from '../../app/can';
import { t } from '../../text';
import { Guarded } from '../../ui/Guarded';
import { ProblemView } from '../../ui/ProblemView';
import { kindOfOutcome, Word } from '../../ui/Word';
import type { Draft } from './draft';

const JsonEditor = lazy(() => import('../../editor/JsonEditor'));
const s = t.policies.tests;

const EXAMPLE = [
  {
    name: 'a call that passes',
    call: { tool: 'tool-name', arguments: {} },
    expect: { outcome: 'allow' },
  },
];

/** The cases as a value, or why they are none. */
export function readCases(text: string | null): unknown[] | null | 'broken' {
  if (text === null || text.trim() === '') return null;
  try {
    const cases: unknown = JSON.parse(text);
    return Array.isArray(cases) ? cases : 'broken';
  } catch {
    return 'broken';
  }
}

export function Tests({ draft, readOnly }: { draft: Draft; readOnly: boolean }) {
  const may = useCan();
  const cases = readCases(draft.cases);
  const run = api.useMutation('post', '/api/v1/policies/test');
  return (
    <Stack>
      <Text size="sm" c="dimmed">
        {s.about}
      </Text>
      {draft.cases === null ? (
        <Group>
          <Text size="sm">{s.none}</Text>
          {!readOnly && (
            <Button
              size="xs"
              variant="default"
              onClick={() => draft.setCases(JSON.stringify(EXAMPLE, null, 2))}
            >
              {s.example}
            </Button>
          )}
        </Group>
      ) : (
        <JsonEditor
          text={draft.cases}
          onChange={draft.setCases}
          label={s.label}
          readOnly={readOnly}
          minHeight={240}
        />
      )}
      {draft.cases !== null && (
        <Group>
          <Guarded
            may={may('policies_test')}
            not={cases === 'broken' && s.broken}
            loading={run.isPending}
            onClick={() => {
              if (Array.isArray(cases))
                run.mutate({ body: { text: draft.text, cases: cases as never } });
            }}
          >
            {s.run}
          </Guarded>
        </Group>
      )}
      {run.error && <ProblemView error={run.error} />}
      {run.data && <Results of={run.data} />}
    </Stack>
  );
}

export function Results({ of }: { of: Schemas['TestOut'] }) {
  const judged = ({ outcome, rule }: Schemas['Judged']) => (
    <>
      <Word kind={kindOfOutcome(outcome)} />{' '}
      <span className="cs-mono">
        {rule === null || rule === undefined ? s.any : rule || s.byNone}
      </span>
    </>
  );
  return (
    <Stack gap="xs">
      <Text fw={600} role="status" c={of.failed > 0 ? 'var(--cs-denied)' : 'var(--cs-allowed)'}>
        {s.passed(of.passed, of.results.length)}
      </Text>
      <Table.ScrollContainer minWidth={480} type="native" className="cs-panel" tabIndex={0}>
        <Table aria-label={t.policies.tabs.tests}>
          <Table.Thead>
            <Table.Tr>
              {[s.name, s.result, s.expected, s.got].map((name) => (
                <Table.Th key={name}>{name}</Table.Th>
              ))}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {of.results.map((result) => (
              <Table.Tr key={result.index}>
                <Table.Td>{result.name ?? s.unnamed(result.index)}</Table.Td>
                <Table.Td fw={600}>{result.passed ? `✓ ${s.pass}` : `✕ ${s.fail}`}</Table.Td>
                <Table.Td>{judged(result.expected)}</Table.Td>
                <Table.Td>{judged(result.decided)}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
    </Stack>
  );
}
