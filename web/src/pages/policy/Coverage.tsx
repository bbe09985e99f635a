// What the test cases leave untried: rules that none exercises, small changes that none notices, and for
// each a case to take over with one click.
import { Button, Group, Stack, Text } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { parseTree } from 'jsonc-parser';
import { http, type Schemas } from '../../api/client';
import { useCan } from '../../app/can';
import { insert } from '../../builder/document';
import { bodyWith, pretty } from '../../lib/raw';
import { t } from '../../text';
import { Guarded } from '../../ui/Guarded';
import { Panel } from '../../ui/Page';
import { ProblemView } from '../../ui/ProblemView';
import { type Draft, listOf } from './draft';
import './policy.css';

const c = t.policies.coverage;

interface Proposal {
  name?: string;
  call: { tool?: string; name?: string; arguments?: unknown };
  expect: { outcome: string; rule?: string };
}

/** The cases with one more, those before it to the letter. */
export function withCase(cases: string | null, added: unknown): string {
  const list = cases !== null && parseTree(cases)?.type === 'array' ? cases : '[]';
  return pretty(insert(list, [], added));
}

export function Coverage({
  draft,
  server,
  readOnly,
}: {
  draft: Draft;
  server: string | undefined;
  readOnly: boolean;
}) {
  const may = useCan();
  const asked = useMutation({
    mutationFn: async () => {
      const cases = listOf(draft.cases) ?? '[]';
      const { data } = await http.POST('/api/v1/policies/coverage', {
        body: { text: draft.text, server: server ?? null },
        bodySerializer: (fields) => bodyWith(fields as Record<string, unknown>, { cases }),
      });
      return { found: data as Schemas['CoverageOut'], cases: draft.cases };
    },
  });
  const adopt = (added: unknown) => draft.setCases(withCase(draft.cases, added));
  const found = asked.data?.found;
  const stale = asked.data !== undefined && asked.data.cases !== draft.cases;
  const untried = found?.rules.filter((rule) => rule.cases.length === 0) ?? [];
  const proposals = [
    ...untried.map((rule) => rule.proposed),
    ...(found?.unnoticed.map((change) => change.proposed) ?? []),
  ].filter((proposed) => proposed !== null && proposed !== undefined);
  return (
    <Panel
      title={c.title}
      aside={
        <Guarded
          may={may('policies_coverage')}
          not={listOf(draft.cases) === undefined && t.policies.tests.broken}
          size="xs"
          variant="default"
          loading={asked.isPending}
          onClick={() => asked.mutate()}
        >
          {found ? c.again : c.go}
        </Guarded>
      }
    >
      <Stack gap="sm">
        <Text size="sm" c="dimmed">
          {c.about}
        </Text>
        {asked.error && <ProblemView error={asked.error} />}
        {found && (
          <Text size="sm" fw={600} role="status">
            {found.complete
              ? c.complete
              : c.summary(
                  found.rules.length - untried.length,
                  found.rules.length,
                  found.unnoticed.length,
                  found.tried,
                )}
            {stale && ` ${c.stale}`}
          </Text>
        )}
        {proposals.length > 1 && !readOnly && !stale && (
          <Group>
            <Button
              size="xs"
              variant="default"
              onClick={() =>
                draft.setCases(
                  proposals.reduce<string | null>(
                    (cases, one) => withCase(cases, one),
                    draft.cases,
                  ),
                )
              }
            >
              {c.adoptAll(proposals.length)}
            </Button>
          </Group>
        )}
        {untried.map((rule) => (
          <Gap
            key={rule.rule}
            text={c.untried}
            rule={rule.rule}
            proposed={rule.proposed as Proposal | null}
            note={rule.note ?? ''}
            adopt={readOnly || stale ? undefined : adopt}
          />
        ))}
        {found?.unnoticed.map((change) => (
          <Gap
            key={change.rule + change.change}
            text={c.unnoticed(change.change)}
            rule={change.rule}
            proposed={change.proposed as Proposal | null}
            note=""
            adopt={readOnly || stale ? undefined : adopt}
          />
        ))}
        {found?.notes.map((note) => (
          <Text size="sm" c="dimmed" key={note}>
            {note}
          </Text>
        ))}
      </Stack>
    </Panel>
  );
}

function Gap({
  text,
  rule,
  proposed,
  note,
  adopt,
}: {
  text: string;
  rule: string;
  proposed: Proposal | null;
  note: string;
  adopt: ((proposed: unknown) => void) | undefined;
}) {
  return (
    <div className="cs-gap">
      <Text size="sm">
        <span className="cs-mono">{rule}</span> {text} {note}
      </Text>
      {proposed && (
        <Group gap="xs" wrap="nowrap" align="flex-start" justify="space-between">
          <Text size="xs" className="cs-mono" c="dimmed">
            {JSON.stringify(proposed.call.arguments ?? {})} → {proposed.expect.outcome}
            {proposed.expect.rule ? ` ${proposed.expect.rule}` : ''}
          </Text>
          {adopt && (
            <Button
              size="compact-sm"
              variant="default"
              style={{ flex: 'none' }}
              aria-label={`${c.adopt}: ${rule} ${text}`}
              onClick={() => adopt(proposed)}
            >
              {c.adopt}
            </Button>
          )}
        </Group>
      )}
    </div>
  );
}
