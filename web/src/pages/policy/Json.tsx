// The draft as JSON, with faults under the places they name.
import { Button, Group, Stack, Text } from '@mantine/core';
import { useMemo } from 'react';
import { type Parsed, pointerOf } from '../../builder/document';
import { rulePath } from '../../builder/reading';
import JsonEditor from '../../editor/JsonEditor';
import { markOf, schemaFaults, stretchOf } from '../../editor/schema';
import type { ServerTool } from '../../lib/tools';
import { t } from '../../text';
import type { Checked } from './check';
import type { Draft } from './draft';

interface Props {
  draft: Draft;
  doc: Parsed;
  checked: Checked;
  tools: ServerTool[];
  readOnly: boolean;
  at: string | undefined;
}

const WORDS = [
  ...[
    'version',
    'default',
    'description',
    'timezone',
    'hide',
    'hide_denied',
    'all_tools',
    'tools',
    'resources',
  ],
  ...[
    'prompts',
    'client_requests',
    'require',
    'deny_if',
    'approve_if',
    'limits',
    'unlisted_args',
    'conditions',
  ],
  ...[
    'path',
    'op',
    'value',
    'each',
    'any',
    'all',
    'not',
    'on_deny',
    'id',
    'approvers',
    'count',
    'expires_in',
  ],
  ...[
    'message',
    'counter',
    'window',
    'max',
    'rolling',
    'amount',
    'per',
    'scope',
    'count_failed',
    'on_unknown',
  ],
];

export default function Json({ draft, doc, checked, tools, readOnly, at }: Props) {
  const words = useMemo(() => [...tools.map((tool) => tool.name), ...WORDS], [tools]);
  const marks = useMemo(() => {
    if (doc.broken) return undefined;
    const said = new Set(checked.problems.map((fault) => fault.pointer));
    return [
      ...schemaFaults(doc)
        .filter((fault) => !said.has(fault.pointer))
        .map((fault) => markOf(doc, fault, 'error')),
      ...checked.problems.map((fault) => markOf(doc, fault, 'error')),
      ...checked.warnings.map((fault) => markOf(doc, fault, 'warning')),
    ];
  }, [doc, checked.problems, checked.warnings]);
  const lit = useMemo(() => {
    if (!at) return undefined;
    const path = rulePath(doc, at);
    return path ? stretchOf(doc, pointerOf(path)) : undefined;
    // The place is lit when somebody asks for it, not with every letter typed.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [at]);
  return (
    <Stack gap="xs">
      <JsonEditor
        text={draft.text}
        onChange={draft.setText}
        label={t.policies.json.label}
        readOnly={readOnly}
        marks={marks}
        lit={lit}
        words={words}
        minHeight={420}
      />
      <Group>
        {draft.undo && !readOnly && (
          <Button size="xs" variant="default" onClick={draft.undo}>
            {t.builder.undo}
          </Button>
        )}
        <Text size="xs" c="dimmed">
          {t.policies.json.keys}
        </Text>
      </Group>
    </Stack>
  );
}
