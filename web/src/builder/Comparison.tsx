// One comparison: a place, how it is compared, and with what.
import { Button, NativeSelect, Switch, Textarea, TextInput } from '@mantine/core';
import { useState } from 'react';
import { t } from '../text';
import { useDesk } from './context';
import { insert, type Path, set } from './document';
import { NumberField } from './fields';
import {
  type Comparison as Compared,
  FACTS,
  type Op,
  OPS,
  opsFor,
  takes,
  takesPath,
  TYPES,
} from './language';

const c = t.builder.condition;
const OTHER = '\u0000other';

interface Props {
  path: Path;
  condition: Compared;
}

const isPath = (value: unknown): value is { path: string } =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && 'path' in value;

/** A value to begin with, of the kind that an operator takes and the field's type suggests. */
function blank(op: Op, type: string | undefined): unknown {
  const number = type === 'number' || type === 'integer';
  switch (takes(op)) {
    case 'list':
      return [];
    case 'boolean':
      return true;
    case 'whole':
      return 1;
    case 'type':
      return 'string';
    case 'ordered':
      return type === 'string' ? '' : 0;
    case 'scalar':
      return number ? 0 : type === 'boolean' ? true : '';
    default:
      return '';
  }
}

export function Comparison({ path, condition }: Props) {
  const desk = useDesk();
  const field = desk.fields.find((one) => one.path === condition.path);
  const known = field !== undefined || FACTS.some((fact) => fact === condition.path);
  const [other, setOther] = useState(false);
  const ops = [...new Set<Op>([...opsFor(field?.type), condition.op])].filter((op) =>
    OPS.includes(op),
  );
  const at = (name: string) => [...path, name];
  const free = other || !known;
  const rewrite = (part: Partial<Compared>) => {
    const op = part.op ?? condition.op;
    const type = desk.fields.find((one) => one.path === (part.path ?? condition.path))?.type;
    const same = takes(op) === takes(condition.op);
    let text = desk.doc.text;
    if (part.path !== undefined) text = set(text, at('path'), part.path);
    if (part.op !== undefined) text = set(text, at('op'), op);
    if (!same) text = set(text, at('value'), blank(op, type));
    desk.apply(text);
  };
  const guard = () => {
    const list = path.slice(0, -1);
    const place = Number(path.at(-1));
    if (Number.isNaN(place)) return;
    desk.apply(
      insert(desk.doc.text, list, { path: condition.path, op: 'exists', value: true }, place),
    );
  };
  const siblings = desk.value(path.slice(0, -1));
  const guarded =
    Array.isArray(siblings) &&
    siblings.some((one: Compared) => one?.path === condition.path && one.op === 'exists');
  return (
    <>
      <NativeSelect
        size="xs"
        label={c.path}
        disabled={desk.readOnly}
        value={free ? OTHER : condition.path}
        onChange={(event) => {
          const next = event.currentTarget.value;
          setOther(next === OTHER);
          if (next !== OTHER) rewrite({ path: next });
        }}
        data={[
          ...desk.fields.map((one) => ({
            value: one.path,
            label: `${one.name}${one.required ? ' *' : ''}`,
          })),
          ...FACTS,
          { value: OTHER, label: c.otherPath },
        ]}
      />
      {free && (
        <TextInput
          size="xs"
          label={c.otherPath}
          description={!known && desk.fields.length > 0 ? c.otherWarns : undefined}
          readOnly={desk.readOnly}
          value={condition.path}
          onChange={(event) => desk.set(at('path'), event.currentTarget.value)}
        />
      )}
      <NativeSelect
        size="xs"
        label={c.op}
        disabled={desk.readOnly}
        value={condition.op}
        onChange={(event) => rewrite({ op: event.currentTarget.value as Op })}
        data={ops.map((value) => ({ value, label: t.builder.ops[value] }))}
      />
      {takesPath(condition.op) && (
        <NativeSelect
          size="xs"
          label={c.against}
          disabled={desk.readOnly}
          value={isPath(condition.value) ? 'path' : 'value'}
          onChange={(event) =>
            desk.set(
              at('value'),
              event.currentTarget.value === 'path'
                ? { path: 'args.' }
                : blank(condition.op, field?.type),
            )
          }
          data={[
            { value: 'value', label: c.fixed },
            { value: 'path', label: c.place },
          ]}
        />
      )}
      {isPath(condition.value) ? (
        <TextInput
          size="xs"
          label={c.place}
          readOnly={desk.readOnly}
          value={condition.value.path}
          onChange={(event) => desk.set([...at('value'), 'path'], event.currentTarget.value)}
        />
      ) : (
        <Value path={at('value')} condition={condition} choices={field?.choices ?? []} />
      )}
      {condition.path.includes('[*]') && (
        <NativeSelect
          size="xs"
          label={c.each}
          disabled={desk.readOnly}
          value={condition.each ?? ''}
          onChange={(event) => desk.setText(at('each'), event.currentTarget.value)}
          data={[
            { value: '', label: c.eachDefault },
            { value: 'any', label: c.eachAny },
            { value: 'all', label: c.eachAll },
          ]}
        />
      )}
      {!desk.readOnly &&
        !guarded &&
        condition.op !== 'exists' &&
        typeof path.at(-1) === 'number' && (
          <Button size="compact-xs" variant="default" onClick={guard}>
            {c.presentOnly}
          </Button>
        )}
    </>
  );
}

function Value({ path, condition, choices }: Props & { choices: unknown[] }) {
  const desk = useDesk();
  const kind = takes(condition.op);
  const { value } = condition;
  if (kind === 'boolean') {
    return (
      <Switch
        size="sm"
        label={value === false ? t.builder.absent : t.builder.ops.exists}
        disabled={desk.readOnly}
        checked={value !== false}
        onChange={(event) => desk.set(path, event.currentTarget.checked)}
      />
    );
  }
  if (kind === 'type') {
    return (
      <NativeSelect
        size="xs"
        label={c.value}
        disabled={desk.readOnly}
        value={String(value)}
        onChange={(event) => desk.set(path, event.currentTarget.value)}
        data={[...TYPES]}
      />
    );
  }
  if (kind === 'whole') return <NumberField path={path} label={c.value} required />;
  if (kind === 'list') return <Scalars path={path} value={value} />;
  if (kind === 'pattern' || kind === 'text')
    return <Words path={path} value={value} choices={[]} />;
  return <Scalar path={path} value={value} choices={choices} ordered={kind === 'ordered'} />;
}

function Words({ path, value, choices }: { path: Path; value: unknown; choices: unknown[] }) {
  const desk = useDesk();
  const texts = choices.filter((choice): choice is string => typeof choice === 'string');
  if (texts.length > 0) {
    return (
      <NativeSelect
        size="xs"
        label={c.value}
        disabled={desk.readOnly}
        value={String(value)}
        onChange={(event) => desk.set(path, event.currentTarget.value)}
        data={[...new Set([String(value), ...texts])]}
      />
    );
  }
  return (
    <TextInput
      size="xs"
      label={c.value}
      readOnly={desk.readOnly}
      value={typeof value === 'string' ? value : ''}
      onChange={(event) => desk.set(path, event.currentTarget.value)}
    />
  );
}

/** A text, a number or yes and no, with its type beside it. */
function Scalar({
  path,
  value,
  choices,
  ordered,
}: {
  path: Path;
  value: unknown;
  choices: unknown[];
  ordered: boolean;
}) {
  const desk = useDesk();
  const type =
    typeof value === 'number' ? 'number' : typeof value === 'boolean' ? 'boolean' : 'string';
  const change = (next: string) =>
    desk.set(path, next === 'number' ? 0 : next === 'boolean' ? true : '');
  return (
    <>
      <NativeSelect
        size="xs"
        label={c.type}
        disabled={desk.readOnly}
        value={type}
        onChange={(event) => change(event.currentTarget.value)}
        data={(ordered
          ? (['string', 'number'] as const)
          : (['string', 'number', 'boolean'] as const)
        ).map((name) => ({ value: name, label: c.types[name] }))}
      />
      {type === 'number' && <NumberField path={path} label={c.value} required />}
      {type === 'string' && <Words path={path} value={value} choices={choices} />}
      {type === 'boolean' && (
        <NativeSelect
          size="xs"
          label={c.value}
          disabled={desk.readOnly}
          value={String(value)}
          onChange={(event) => desk.set(path, event.currentTarget.value === 'true')}
          data={[
            { value: 'true', label: c.yes },
            { value: 'false', label: c.no },
          ]}
        />
      )}
    </>
  );
}

const LITERAL = /^(-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?|true|false|"(?:[^"\\]|\\.)*")$/;

/** A text that reads back as itself from a line of its own; any other stands in quotes. */
const isPlain = (item: string): boolean =>
  item !== '' && item === item.trim() && !item.includes('\n') && !LITERAL.test(item);

/** Several scalars, one a line: a number and true or false as they are, anything else a text. */
function Scalars({ path, value }: { path: Path; value: unknown }) {
  const desk = useDesk();
  const [typed, setTyped] = useState<string>();
  const count = Array.isArray(value) ? value.length : 0;
  const lines = Array.from({ length: count }, (_, at) => {
    const raw = desk.raw([...path, at]) ?? '';
    const item = desk.value([...path, at]);
    return typeof item === 'string' && isPlain(item) ? item : raw;
  }).join('\n');
  const write = (text: string) => {
    const items = text
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== '')
      .map((line) => (LITERAL.test(line) ? line : JSON.stringify(line)));
    desk.setRaw(path, `[${items.join(', ')}]`);
  };
  return (
    <Textarea
      size="xs"
      label={c.values}
      description={c.valuesHint}
      autosize
      minRows={2}
      readOnly={desk.readOnly}
      value={typed ?? lines}
      onChange={(event) => {
        setTyped(event.currentTarget.value);
        write(event.currentTarget.value);
      }}
      onBlur={() => setTyped(undefined)}
    />
  );
}
