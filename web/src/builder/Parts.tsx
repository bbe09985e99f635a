// What a document is made of: itself, its tools with what becomes of each, and its other sections.
import { Button, Group, Text, TextInput, UnstyledButton } from '@mantine/core';
import { type FormEvent, memo, useMemo, useState } from 'react';
import type { ServerTool } from '../lib/tools';
import { t } from '../text';
import { type Parsed, valueAt } from './document';
import { LISTS } from './language';
import { keysOf, listAt, stateOf } from './reading';
import { RuleUse } from './RuleUse';

const b = t.builder;

/** A part of the document: a tool by name, or one of the rest. */
export type Part =
  | { kind: 'tool'; name: string }
  | { kind: 'all' | 'document' | 'resources' | 'prompts' | 'requests' };

interface Props {
  doc: Parsed;
  tools: ServerTool[];
  part: Part;
  choose: (part: Part) => void;
  locked: boolean;
}

interface RowProps {
  kind: Part['kind'];
  label: string;
  aside: string;
  note?: string | undefined;
  here: boolean;
  choose: (part: Part) => void;
}

/** A server may have hundreds of tools: a row is drawn again when what it says changes. */
const PartRow = memo(function PartRow({ kind, label, aside, note, here, choose }: RowProps) {
  return (
    <li>
      <UnstyledButton
        className="builder-part"
        onClick={() => choose(kind === 'tool' ? { kind, name: label } : { kind })}
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
});

/** The names a document or the server knows, those that the document lists first. */
function namesOf(doc: Parsed, tools: ServerTool[]): { names: string[]; rest: number } {
  const keys = keysOf(doc, ['tools']);
  const own = new Set(keys);
  const unlisted = valueAt(doc, ['default']) === 'allow' ? 'allow' : 'deny';
  const names = new Set(
    [...keys, ...listAt(doc, ['hide']), ...tools.map((tool) => tool.name)].filter(
      (name): name is string => typeof name === 'string',
    ),
  );
  const listed: string[] = [];
  const rest: string[] = [];
  for (const name of names) {
    const is = own.has(name) || stateOf(doc, name) !== unlisted;
    (is ? listed : rest).push(name);
  }
  return { names: [...listed, ...rest], rest: rest.length };
}

export function Parts({ doc, tools, part, choose, locked }: Props) {
  const [find, setFind] = useState('');
  const [pattern, setPattern] = useState('');
  const { names, rest } = useMemo(() => namesOf(doc, tools), [doc, tools]);
  const known = useMemo(() => new Map(tools.map((tool) => [tool.name, tool])), [tools]);
  const shown = names.filter((name) => name.toLowerCase().includes(find.toLowerCase()));
  const everyTool = LISTS.reduce((sum, list) => sum + listAt(doc, ['all_tools', list]).length, 0);
  const allowed = valueAt(doc, ['default']) === 'allow';
  const chosen = part.kind === 'tool' ? part.name : undefined;
  const row = (kind: Exclude<Part['kind'], 'tool'>, label: string, aside: string) => (
    <PartRow kind={kind} label={label} aside={aside} here={part.kind === kind} choose={choose} />
  );
  const noteOf = (name: string): string | undefined => {
    const tool = known.get(name);
    if (tool?.state === 'changed') return `⚠ ${b.changed}`;
    return !tool && tools.length > 0 && !name.includes('*') ? b.notListed : undefined;
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
        {row('document', b.document, '')}
        {row('all', b.everyTool, b.rules(everyTool))}
        {shown.map((name) => (
          <PartRow
            key={name}
            kind="tool"
            label={name}
            aside={b.states[stateOf(doc, name)]}
            note={noteOf(name)}
            here={name === chosen}
            choose={choose}
          />
        ))}
        {row('resources', b.resources, '')}
        {row('prompts', b.prompts, '')}
        {row('requests', b.requests, '')}
      </ul>
      {rest > 0 && (
        <Text size="xs" c="dimmed">
          {(allowed ? b.unlistedAllow : b.unlistedDeny)(rest)}{' '}
          {!allowed && <RuleUse rule="(default deny)" says={b.use.unlisted} />}
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
