// Test cases kept beside the policy: written as JSON or taken over, run by the server against the draft.
import { Button, Group, Stack, Table, Text } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { lazy, type ReactNode } from 'react';
import { http, type Schemas } from '../../api/client';
import { useCan } from '../../app/can';
import { bodyWith } from '../../lib/raw';
import { t } from '../../text';
import { Guarded } from '../../ui/Guarded';
import { ProblemView } from '../../ui/ProblemView';
import { kindOfOutcome, Word } from '../../ui/Word';
import { Coverage } from './Coverage';
import { type Draft, listOf } from './draft';

const JsonEditor = lazy(() => import('../../editor/JsonEditor'));
const s = t.policies.tests;

const EXAMPLE = [
  {
    name: 'a call that passes',
    call: { tool: 'tool-name', arguments: {} },
    expect: { outcome: 'allow' },
  },
];

/** Runs cases as they are typed: every digit goes to the server. */
export function useTestRun() {
  return useMutation({
    mutationFn: async ({ text, cases }: { text: string; cases: string }) => {
      const { data } = await http.POST('/api/v1/policies/test', {
        body: { text, cases: [] },
        bodySerializer: (fields) => bodyWith(fields as Record<string, unknown>, { cases }),
      });
      return data as Schemas['TestOut'];
    },
  });
}

interface Props {
  draft: Draft;
  server: string | undefined;
  readOnly: boolean;
  /** A new case that is being filled in. */
  from?: ReactNode;
  /** Is told what passed all of its cases, as `keyOf` names it. */
  passed?: (key: string | undefined) => void;
}

/** A text with its cases, for saying that the two were run together. */
export const keyOf = ({ text, cases }: Pick<Draft, 'text' | 'cases'>): string =>
  JSON.stringify([text, cases]);

export function Tests({ draft, server, readOnly, from, passed }: Props) {
  const may = useCan();
  const cases = listOf(draft.cases);
  const run = useTestRun();
  return (
    <Stack>
      <Text size="sm" c="dimmed">
        {s.about}
      </Text>
      {from}
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
          minHeight={200}
          maxHeight={480}
        />
      )}
      {draft.cases !== null && (
        <Group>
          <Guarded
            may={may('policies_test')}
            not={cases === undefined && s.broken}
            loading={run.isPending}
            onClick={() => {
              if (cases === undefined) return;
              const key = keyOf(draft);
              run.mutate(
                { text: draft.text, cases },
                { onSettled: (ran) => passed?.(ran?.failed === 0 ? key : undefined) },
              );
            }}
          >
            {s.run}
          </Guarded>
        </Group>
      )}
      {run.error && <ProblemView error={run.error} />}
      {run.data && <Results of={run.data} />}
      <Coverage draft={draft} server={server} readOnly={readOnly} />
    </Stack>
  );
}

interface ResultsProps {
  of: Schemas['TestOut'];
  /** Those that fail first; those that pass folded away. */
  brief?: boolean;
}

export function Results({ of, brief = false }: ResultsProps) {
  const failing = of.results.filter((result) => !result.passed);
  return (
    <Stack gap="xs">
      <Text fw={600} role="status" c={of.failed > 0 ? 'var(--cs-denied)' : 'var(--cs-allowed)'}>
        {s.passed(of.passed, of.results.length)}
      </Text>
      {brief ? (
        <>
          {failing.length > 0 && <CaseTable of={failing} />}
          <details>
            <summary>{s.all}</summary>
            <CaseTable of={of.results} />
          </details>
        </>
      ) : (
        <CaseTable of={of.results} />
      )}
    </Stack>
  );
}

function Judged({ of: { outcome, rule } }: { of: Schemas['Judged'] }) {
  return (
    <>
      <Word kind={kindOfOutcome(outcome)} />{' '}
      <span className="cs-mono">
        {rule === null || rule === undefined ? s.any : rule || s.byNone}
      </span>
    </>
  );
}

function CaseTable({ of }: { of: Schemas['CaseOut'][] }) {
  return (
    <Table.ScrollContainer minWidth={480} type="native" tabIndex={0}>
      <Table aria-label={t.policies.tabs.tests} className="cs-stack">
        <Table.Thead>
          <Table.Tr>
            {[s.name, s.result, s.expected, s.got].map((name) => (
              <Table.Th key={name}>{name}</Table.Th>
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {of.map((result) => (
            <Table.Tr key={result.index}>
              <Table.Td data-label={s.name}>{result.name ?? s.unnamed(result.index)}</Table.Td>
              <Table.Td data-label={s.result} fw={600} style={{ whiteSpace: 'nowrap' }}>
                {result.passed ? `✓ ${s.pass}` : `✕ ${s.fail}`}
              </Table.Td>
              <Table.Td data-label={s.expected}>
                <Judged of={result.expected} />
              </Table.Td>
              <Table.Td data-label={s.got}>
                <Judged of={result.decided} />
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}
