// A list of conditions; groups nest, and beyond two levels a group opens in its own pane.
import { Button, Group, Stack, Text } from '@mantine/core';
import { useState } from 'react';
import { t } from '../text';
import { Comparison } from './Comparison';
import { useDesk } from './context';
import type { Path } from './document';
import { type Condition, isComparison, type List } from './language';
import { conditionText } from './sentence';

const c = t.builder.condition;
/** How many groups stand inside one another before one opens on its own. */
const DEPTH_MAX = 2;

interface Props {
  path: Path;
  list: List;
  depth: number;
}

export function Conditions({ path, list, depth }: Props) {
  const desk = useDesk();
  const value = desk.value(path);
  const conditions = Array.isArray(value) ? (value as Condition[]) : [];
  const first = desk.fields[0]?.path ?? 'args.';
  const add = (condition: unknown) => desk.insert(path, condition);
  return (
    <Stack gap={4}>
      {conditions.length === 0 && (
        <Text size="sm" c="dimmed">
          {c.empty}
        </Text>
      )}
      {conditions.map((condition, at) => (
        <One
          key={at}
          path={[...path, at]}
          condition={condition}
          list={list}
          depth={depth}
          number={at + 1}
        />
      ))}
      {!desk.readOnly && (
        <Group gap={4}>
          <Button
            size="compact-xs"
            variant="default"
            onClick={() => add({ path: first, op: 'eq', value: '' })}
          >
            {c.add}
          </Button>
          <Button size="compact-xs" variant="default" onClick={() => add({ any: [] })}>
            {c.addAny}
          </Button>
          <Button size="compact-xs" variant="default" onClick={() => add({ all: [] })}>
            {c.addAll}
          </Button>
          <Button
            size="compact-xs"
            variant="default"
            onClick={() => add({ not: { path: first, op: 'eq', value: '' } })}
          >
            {c.addNot}
          </Button>
        </Group>
      )}
    </Stack>
  );
}

interface OneProps extends Props {
  condition: Condition;
  number: number;
}

function One({ path, condition, list, depth, number }: OneProps) {
  const desk = useDesk();
  const remove = !desk.readOnly && (
    <Button
      size="compact-xs"
      variant="default"
      onClick={() => desk.remove(path)}
      aria-label={`${c.remove} ${number}`}
    >
      {t.builder.remove}
    </Button>
  );
  if (typeof condition !== 'object' || condition === null) {
    return <Text size="sm">{t.builder.notReadable}</Text>;
  }
  if (isComparison(condition)) {
    return (
      <Group gap="xs" align="flex-end" role="group" aria-label={c.label(number)}>
        <Comparison path={path} condition={condition} />
        {remove}
      </Group>
    );
  }
  const kind = 'any' in condition ? 'any' : 'all' in condition ? 'all' : 'not';
  const title = { any: c.addAny, all: c.addAll, not: c.addNot }[kind].replace('+ ', '');
  const inner = [...path, kind];
  return (
    <div className="builder-group" role="group" aria-label={`${c.label(number)}: ${title}`}>
      <Group justify="space-between">
        <Text size="sm" fw={600}>
          {title}
        </Text>
        {remove}
      </Group>
      {depth >= DEPTH_MAX ? (
        <Own path={inner} list={list} sentence={conditionText(condition, list)} kind={kind} />
      ) : kind === 'not' ? (
        <NotOf path={inner} list={list} depth={depth + 1} />
      ) : (
        <Conditions path={inner} list={list} depth={depth + 1} />
      )}
    </div>
  );
}

/** `not` holds one condition: a comparison or a group. */
function NotOf({ path, list, depth }: Props) {
  const desk = useDesk();
  const condition = desk.value(path) as Condition | undefined;
  if (!condition || typeof condition !== 'object')
    return <Text size="sm">{t.builder.notReadable}</Text>;
  const wrap = (kind: 'any' | 'all') => desk.set(path, { [kind]: [condition] });
  return (
    <>
      <NoRemove path={path} condition={condition} list={list} depth={depth} />
      {!desk.readOnly && isComparison(condition) && (
        <Group gap={4} mt={4}>
          <Button size="compact-xs" variant="default" onClick={() => wrap('any')}>
            {c.addAny}
          </Button>
          <Button size="compact-xs" variant="default" onClick={() => wrap('all')}>
            {c.addAll}
          </Button>
          <Button
            size="compact-xs"
            variant="default"
            onClick={() => desk.set(path, { not: condition })}
          >
            {c.addNot}
          </Button>
        </Group>
      )}
    </>
  );
}

function NoRemove({ path, condition, list, depth }: Props & { condition: Condition }) {
  if (isComparison(condition)) {
    return (
      <Group gap="xs" align="flex-end" role="group" aria-label={c.label(1)}>
        <Comparison path={path} condition={condition} />
      </Group>
    );
  }
  if ('not' in condition) return <NotOf path={[...path, 'not']} list={list} depth={depth + 1} />;
  return (
    <Conditions path={[...path, 'any' in condition ? 'any' : 'all']} list={list} depth={depth} />
  );
}

/** A group too deep to stand here: its sentence, and a pane of its own. */
function Own({
  path,
  list,
  sentence,
  kind,
}: {
  path: Path;
  list: List;
  sentence: string;
  kind: string;
}) {
  const [open, setOpen] = useState(false);
  return (
    <>
      <Group gap="xs">
        <Text size="sm">{sentence}</Text>
        <Button
          size="compact-xs"
          variant="default"
          aria-expanded={open}
          onClick={() => setOpen(!open)}
        >
          {open ? c.back : c.open}
        </Button>
      </Group>
      {open && (
        <div className="cs-panel">
          {kind === 'not' ? (
            <NotOf path={path} list={list} depth={0} />
          ) : (
            <Conditions path={path} list={list} depth={0} />
          )}
        </div>
      )}
    </>
  );
}
