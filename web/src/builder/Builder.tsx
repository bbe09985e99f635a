// The visual builder: the document's parts on the left, the part at hand on the right.
import { Alert, Button, Group, Text } from '@mantine/core';
import { useCallbackRef } from '@mantine/hooks';
import { useMemo, useState } from 'react';
import { api, type Schemas } from '../api/client';
import type { Field } from '../lib/fields';
import type { ServerTool } from '../lib/tools';
import { t } from '../text';
import { DeskContext, UsedContext } from './context';
import { DocumentPane, RequestsPane, SectionPane } from './DocumentPane';
import { type Parsed, nodeAt, parse, pathOf, pointerOf, stepsOf } from './document';
import { type Part, Parts } from './Parts';
import { rulePath, stateOf } from './reading';
import { ToolPane } from './ToolPane';
import { UseTable } from './UseTable';
import './builder.css';

const b = t.builder;
const NO_FIELDS: Field[] = [];

interface Props {
  text: string;
  setText: (text: string) => void;
  undo: (() => void) | undefined;
  redo: (() => void) | undefined;
  tools: ServerTool[];
  policy: Schemas['PolicyWhole'];
  readOnly: boolean;
  /** The place somebody wants to see, as a pointer. */
  at: string | undefined;
  /** Goes to another place: what is looked at stands in the address. */
  show: (pointer: string) => void;
  toJson: () => void;
}

const partOf = (doc: Parsed, pointer: string): Part | undefined => {
  const [first, second] = stepsOf(pointer);
  if (first === 'tools' && second !== undefined) return { kind: 'tool', name: second };
  if (first === 'all_tools') return { kind: 'all' };
  if (first === 'resources' || first === 'prompts') return { kind: first };
  if (first === 'client_requests') return { kind: 'requests' };
  return first === 'version' || (first !== undefined && nodeAt(doc, [first]))
    ? { kind: 'document' }
    : undefined;
};

/** Where no place is asked for: a tool with rules. */
function firstPart(doc: Parsed, tools: ServerTool[]): Part {
  const custom = tools.find((one) => stateOf(doc, one.name) === 'custom') ?? tools[0];
  return custom ? { kind: 'tool', name: custom.name } : { kind: 'document' };
}

/** The other way about: where a part begins, whether it is written yet or not. */
const placeOf = (part: Part): string =>
  pointerOf(
    part.kind === 'tool'
      ? ['tools', part.name]
      : [
          {
            all: 'all_tools',
            document: 'version',
            resources: 'resources',
            prompts: 'prompts',
            requests: 'client_requests',
          }[part.kind],
        ],
  );

export default function Builder({
  text,
  setText,
  undo,
  redo,
  tools,
  policy,
  readOnly,
  at,
  show,
  toJson,
}: Props) {
  const parsed = useMemo(() => parse(text), [text]);
  // The last state that parsed stays in view while the JSON is broken.
  const [good, setGood] = useState(parsed);
  if (!parsed.broken && good !== parsed) setGood(parsed);
  const doc = parsed.broken ? good : parsed;
  const part = (at ? partOf(doc, at) : undefined) ?? firstPart(doc, tools);

  const locked = readOnly || parsed.broken !== undefined;
  const tool = part.kind === 'tool' ? tools.find((one) => one.name === part.name) : undefined;
  const query = api.useQuery(
    'get',
    '/api/v1/policies/{id}/use',
    { params: { path: { id: policy.id } } },
    { staleTime: 30_000 },
  );
  const live = policy.version?.text ?? '{}';
  const used = useMemo(
    () => query.data && { policy: policy.name, counts: query.data, live: parse(live) },
    [query.data, policy.name, live],
  );
  const fields = tool?.fields ?? NO_FIELDS;
  const desk = useMemo(
    () => ({ doc, readOnly: locked, fields, apply: setText }),
    [doc, locked, fields, setText],
  );
  const choose = useCallbackRef((next: Part) => show(placeOf(next)));
  const lit = useMemo(() => {
    const path = at ? (rulePath(doc, at) ?? pathOf(doc, at)) : undefined;
    return path?.slice(0, path[0] === 'tools' ? 4 : 3).join('/');
  }, [at, doc]);
  return (
    <DeskContext value={desk}>
      <UsedContext value={used}>
        {parsed.broken && (
          <Alert color="red" variant="outline" mb="md" role="alert">
            <Group justify="space-between">
              <Text size="sm">
                {b.locked(parsed.broken.line, parsed.broken.column, parsed.broken.reason)}
              </Text>
              <Button size="xs" variant="default" onClick={toJson}>
                {b.toJson}
              </Button>
            </Group>
          </Alert>
        )}
        <div className="builder">
          <Parts doc={doc} tools={tools} part={part} choose={choose} locked={locked} />
          <div className="cs-panel builder-pane" key={part.kind === 'tool' ? part.name : part.kind}>
            {(undo ?? redo) && !locked && (
              <Group justify="flex-end" gap={4}>
                <Button size="compact-sm" variant="default" disabled={!undo} onClick={undo}>
                  {b.undo}
                </Button>
                <Button size="compact-sm" variant="default" disabled={!redo} onClick={redo}>
                  {b.redo}
                </Button>
              </Group>
            )}
            {part.kind === 'tool' && (
              <ToolPane name={part.name} tool={tool} policy={policy} lit={lit} />
            )}
            {part.kind === 'all' && (
              <ToolPane name={undefined} tool={undefined} policy={policy} lit={lit} />
            )}
            {part.kind === 'document' && <DocumentPane />}
            {(part.kind === 'resources' || part.kind === 'prompts') && (
              <SectionPane name={part.kind} />
            )}
            {part.kind === 'requests' && <RequestsPane />}
          </div>
        </div>
        {used && <UseTable used={used} />}
        {query.error && (
          <Text size="sm" c="dimmed" mt="sm">
            {b.use.failed}
          </Text>
        )}
      </UsedContext>
    </DeskContext>
  );
}
