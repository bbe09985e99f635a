// What holds for one tool, or for every tool: its state, and its rules in the order of judgement.
import { Button, Group, NativeSelect, SegmentedControl, Text, Title } from '@mantine/core';
import { useCallbackRef } from '@mantine/hooks';
import { useMemo, useState } from 'react';
import type { Schemas } from '../api/client';
import { to } from '../app/links';
import type { ServerTool } from '../lib/tools';
import { t } from '../text';
import { Go } from '../ui/bits';
import { useDesk } from './context';
import { type Path, pointerOf } from './document';
import { type Limit, type List, LISTS, type Rule } from './language';
import { keysFor, listAt, stateOf, type ToolState } from './reading';
import { RuleRow } from './RuleRow';
import { RuleUse } from './RuleUse';
import { setState } from './states';

const b = t.builder;

interface Props {
  /** The tool, or nothing for the rules of every tool. */
  name: string | undefined;
  tool: ServerTool | undefined;
  policy: Schemas['PolicyOut'];
  lit: string | undefined;
}

const BLANK: Record<List, unknown> = {
  deny_if: { conditions: [] },
  require: { conditions: [] },
  approve_if: { conditions: [] },
  limits: {},
};

/** A limit to begin with, under a name that none beside it has. */
function limitBeside(others: Limit[]): Limit {
  const taken = new Set(others.map((limit) => limit?.counter));
  let counter = 'calls';
  for (let n = 2; taken.has(counter); n += 1) counter = `calls-${n}`;
  return { counter, window: 'day', max: 100 };
}

export function ToolPane({ name, tool, policy, lit }: Props) {
  const desk = useDesk();
  const { doc } = desk;
  const base: Path = useMemo(() => (name === undefined ? ['all_tools'] : ['tools', name]), [name]);
  const state = name === undefined ? 'custom' : stateOf(doc, name);
  const keys = name === undefined ? [] : keysFor(doc, name);
  const elsewhere = keys.filter((key) => key !== name);
  // Rules can be shown as soon as somebody wants them, before the first one is there.
  const [custom, setCustom] = useState(false);
  const shown = state === 'custom' || custom;
  const choose = (next: string) => {
    setCustom(next === 'custom');
    if (name !== undefined) desk.apply(setState(doc.text, name, next as ToolState));
  };
  return (
    <>
      <Group justify="space-between" mb="sm">
        <Title order={2} size="h4" style={{ overflowWrap: 'anywhere' }}>
          {name ?? b.everyTool}
        </Title>
        {name !== undefined && (
          <SegmentedControl
            aria-label={b.stateLabel(name)}
            value={shown ? 'custom' : state}
            onChange={choose}
            readOnly={desk.readOnly}
            data={Object.entries(b.states).map(([value, label]) => ({ value, label }))}
          />
        )}
      </Group>
      {tool?.state === 'changed' && policy.server && (
        <Text size="sm" mb="xs">
          ⚠ {b.changed}:{' '}
          <Go {...to.server(policy.server.name, 'tools', tool.name)}>{t.servers.tools.review}</Go>
        </Text>
      )}
      {elsewhere.length > 0 && (
        <Text size="sm" c="dimmed" mb="xs">
          {b.covered(elsewhere.join(', '))}
        </Text>
      )}
      {shown && (
        <>
          {LISTS.map((list) => (
            <Section key={list} base={base} list={list} lit={lit} />
          ))}
          <Text size="xs" c="dimmed" mt="md">
            {b.order}
          </Text>
          {name !== undefined && (
            <NativeSelect
              size="xs"
              mt="sm"
              maw={320}
              label={b.doc.unlisted}
              disabled={desk.readOnly}
              value={desk.value([...base, 'unlisted_args']) === 'allow' ? 'allow' : 'deny'}
              onChange={(event) => {
                const allow = event.currentTarget.value === 'allow';
                desk.set([...base, 'unlisted_args'], allow ? 'allow' : undefined);
              }}
              data={[
                { value: 'deny', label: b.doc.unlistedDeny },
                { value: 'allow', label: b.doc.unlistedAllow },
              ]}
            />
          )}
          {name !== undefined && (
            <RuleUse rule={pointerOf([...base, 'unlisted_args'])} says={b.doc.unlisted} />
          )}
        </>
      )}
    </>
  );
}

function Section({ base, list, lit }: { base: Path; list: List; lit: string | undefined }) {
  const desk = useDesk();
  const { doc } = desk;
  const path = useMemo(() => [...base, list], [base, list]);
  const entries = useMemo(() => listAt<Rule & Limit>(doc, path), [doc, path]);
  const [open, setOpen] = useState<number>();
  const words = b.sections[list];
  const here = `${path.join('/')}/`;
  // The same ones for as long as the list is shown: what a row is given changes with its rule alone.
  const move = useCallbackRef((from: number, by: number) => {
    desk.swap(path, from, from + by);
    setOpen((now) => (now === from ? from + by : now));
  });
  const remove = useCallbackRef((at: number) => {
    setOpen(undefined);
    desk.remove([...path, at], base.length + 1);
  });
  const toggle = useCallbackRef((at: number) => setOpen(open === at ? undefined : at));
  return (
    <section aria-label={words.title}>
      <Title order={3} size="h6" mt="md">
        {words.title}{' '}
        <Text span size="sm" c="dimmed" fw={400}>
          {words.about}
        </Text>
      </Title>
      {entries.length === 0 && (
        <Text size="sm" c="dimmed">
          {words.none}
        </Text>
      )}
      {entries.map((entry, at) => (
        <RuleRow
          key={at}
          list={list}
          path={path}
          at={at}
          entry={entry}
          raw={desk.raw([...path, at]) ?? ''}
          max={(list === 'limits' && desk.raw([...path, at, 'max'])) || ''}
          last={at === entries.length - 1}
          open={open === at}
          lit={lit === here + at}
          readOnly={desk.readOnly}
          move={move}
          remove={remove}
          toggle={toggle}
        />
      ))}
      {!desk.readOnly && (
        <Button
          size="compact-sm"
          variant="default"
          mt={4}
          onClick={() => {
            desk.insert(path, list === 'limits' ? limitBeside(entries) : BLANK[list]);
            setOpen(entries.length);
          }}
        >
          {words.add}
        </Button>
      )}
    </section>
  );
}
