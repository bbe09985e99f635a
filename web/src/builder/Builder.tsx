// The visual builder: the document's parts on the left, the part at hand on the right.
import { Alert, Button, Group, Text, TextInput, UnstyledButton } from '@mantine/core';
import { type FormEvent, useMemo, useState } from 'react';
import { api, type Schemas } from '../api/client';
import type { ServerTool } from '../lib/tools';
import { t } from '../text';
import { DeskContext } from './context';
import { DocumentPane, RequestsPane, SectionPane } from './DocumentPane';
import { type Parsed, nodeAt, parse, pathOf, pointerOf, stepsOf, valueAt } from './document';
import { keysOf, listAt, rulePath, stateOf } from './reading';
import { LISTS } from './language';
import { RuleUse } from './RuleUse';
import { ToolPane } from './ToolPane';
import { UseTable } from './UseTable';
import './builder.css';

const b = t.builder;

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

/** A part of the document: a tool by name, or one of the rest. */
export type Part =
  | { kind: 'tool'; name: string }
  | { kind: 'all' | 'document' | 'resources' | 'prompts' | 'requests' };

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
  // Where no place is asked for: a tool with rules.
  const custom = tools.find((one) => stateOf(doc, one.name) === 'custom') ?? tools[0];
  const part: Part =
    (at ? partOf(doc, at) : undefined) ??
    (custom ? { kind: 'tool', name: custom.name } : { kind: 'document' });

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
  const desk = useMemo(
    () => ({ doc, readOnly: locked, fields: tool?.fields ?? [], apply: setText, used }),
    [doc, locked, tool, setText, used],
  );
  const lit = useMemo(() => {
    const path = at ? (rulePath(doc, at) ?? pathOf(doc, at)) : undefined;
    return path?.slice(0, path[0] === 'tools' ? 4 : 3).join('/');
  }, [at, doc]);
  return (
    <DeskContext value={desk}>
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
        <Parts
          doc={doc}
          tools={tools}
          part={part}
          choose={(next) => show(placeOf(next))}
          locked={locked}
        />
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
    </DeskContext>
  );
}

interface PartsProps {
  doc: Parsed;
  tools: ServerTool[];
  part: Part;
  choose: (part: Part) => void;
  locked: boolean;
}

function Parts({ doc, tools, part, choose, locked }: PartsProps) {
  const [find, setFind] = useState('');
  const [pattern, setPattern] = useState('');
  const keys = keysOf(doc, ['tools']);
  const names = [
    ...new Set([...keys, ...listAt<string>(doc, ['hide']), ...tools.map((tool) => tool.name)]),
  ];
  const listed = (name: string) => keys.includes(name) || stateOf(doc, name) !== unlistedState;
  const unlistedState = valueAt(doc, ['default']) === 'allow' ? 'allow' : 'deny';
  const rest = names.filter((name) => !listed(name));
  const shown = names
    .filter((name) => typeof name === 'string' && name.toLowerCase().includes(find.toLowerCase()))
    .sort((x, y) => Number(listed(y)) - Number(listed(x)));
  const count = (path: string[]) =>
    LISTS.reduce((sum, list) => sum + listAt(doc, [...path, list]).length, 0);
  const row = (key: string, target: Part, label: string, aside: string, note?: string) => {
    const here = JSON.stringify(target) === JSON.stringify(part);
    return (
      <li key={key}>
        <UnstyledButton
          className="builder-part"
          onClick={() => choose(target)}
          aria-current={here || undefined}
        >
          <span className="cs-cut">{label}</span>
          <Text span size="sm" c="dimmed">
            {note && <b>{note} </b>}
            {aside}
          </Text>
        </UnstyledButton>
      </li>
    );
  };
  const add = (event: FormEvent) => {
    event.preventDefault();
    const name = pattern.trim();
    if (name) choose({ kind: 'tool', name });
    setPattern('');
  };
  return (
    <nav className="cs-panel builder-parts" aria-label={b.tools}>
      <TextInput
        size="xs"
        aria-label={b.filter}
        placeholder={b.filter}
        value={find}
        onChange={(event) => setFind(event.currentTarget.value)}
        data-filter
      />
      <ul>
        {row('document', { kind: 'document' }, b.document, '')}
        {row('all', { kind: 'all' }, b.everyTool, b.rules(count(['all_tools'])))}
        {shown.map((name) => {
          const known = tools.find((tool) => tool.name === name);
          const foreign = !known && tools.length > 0 && !name.includes('*');
          const note =
            known?.state === 'changed' ? `⚠ ${b.changed}` : foreign ? b.notListed : undefined;
          return row(
            `tool ${name}`,
            { kind: 'tool', name },
            name,
            b.states[stateOf(doc, name)],
            note,
          );
        })}
        {row('resources', { kind: 'resources' }, b.resources, '')}
        {row('prompts', { kind: 'prompts' }, b.prompts, '')}
        {row('requests', { kind: 'requests' }, b.requests, '')}
      </ul>
      {rest.length > 0 && (
        <Text size="xs" c="dimmed">
          {(unlistedState === 'allow' ? b.unlistedAllow : b.unlistedDeny)(rest.length)}{' '}
          {unlistedState === 'deny' && <RuleUse rule="(default deny)" says={b.use.unlisted} />}
        </Text>
      )}
      {!locked && (
        <form onSubmit={add}>
          <Group gap={4} wrap="nowrap" mt="xs">
            <TextInput
              size="xs"
              aria-label={b.addPattern}
              placeholder={b.patternHint}
              value={pattern}
              onChange={(event) => setPattern(event.currentTarget.value)}
              style={{ flex: 1 }}
            />
            <Button size="xs" variant="default" type="submit">
              {b.add}
            </Button>
          </Group>
        </form>
      )}
    </nav>
  );
}
