// What holds for one tool, or for every tool: its state, and its rules in the order of judgement.
import {
  ActionIcon,
  Button,
  Group,
  NativeSelect,
  SegmentedControl,
  Text,
  Title,
} from '@mantine/core';
import { IconArrowDown, IconArrowUp, IconTrash } from '@tabler/icons-react';
import { useState } from 'react';
import type { Schemas } from '../api/client';
import { to } from '../app/links';
import { formatDecimal } from '../lib/format';
import type { ServerTool } from '../lib/tools';
import { t } from '../text';
import { Go } from '../ui/bits';
import { useDesk } from './context';
import { type Path, pointerOf } from './document';
import { type Condition, type Limit, type List, LISTS, type Rule, spell } from './language';
import { LimitEditor } from './LimitEditor';
import { keysFor, listAt, stateOf, type ToolState } from './reading';
import { RuleEditor } from './RuleEditor';
import { AsksOften, RuleUse } from './RuleUse';
import { limitText, missingFires, ruleText } from './sentence';
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
  const base: Path = name === undefined ? ['all_tools'] : ['tools', name];
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
  const path = [...base, list];
  const entries = listAt<Rule & Limit>(desk.doc, path);
  const [open, setOpen] = useState<number>();
  const words = b.sections[list];
  const move = (from: number, by: number) => {
    desk.swap(path, from, from + by);
    setOpen((now) => (now === from ? from + by : now));
  };
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
      {entries.map((entry, at) => {
        const place = [...path, at];
        const max = desk.raw([...place, 'max']) ?? '';
        const sentence =
          list === 'limits' ? limitText(entry, formatDecimal(max)) : ruleText(entry, list);
        const name =
          list === 'limits' ? entry?.counter : (entry?.id ?? spell(entry?.conditions ?? []));
        const pointer = pointerOf([...path, name ?? '']);
        const missing =
          list !== 'limits' && missingFires(entry?.conditions as Condition[] | undefined);
        return (
          <div
            key={at}
            className="builder-rule"
            data-lit={lit === place.slice(0, base[0] === 'tools' ? 4 : 3).join('/')}
          >
            <Group
              justify="space-between"
              wrap="nowrap"
              align="flex-start"
              className="builder-line"
            >
              <Text size="sm" flex={1} miw={0} style={{ overflowWrap: 'anywhere' }}>
                {entry?.id && <b>{entry.id}: </b>}
                {sentence}
                {missing && (
                  <Text span size="xs" c="dimmed">
                    {'  '}
                    {b.missing[list as 'deny_if']}
                  </Text>
                )}
              </Text>
              <RuleUse rule={pointer} says={sentence} list={list} />
              <Group gap={4} wrap="nowrap">
                {!desk.readOnly && (
                  <>
                    <ActionIcon
                      variant="subtle"
                      color="gray"
                      disabled={at === 0}
                      aria-label={`${b.up}: ${sentence}`}
                      onClick={() => move(at, -1)}
                    >
                      <IconArrowUp size={16} aria-hidden />
                    </ActionIcon>
                    <ActionIcon
                      variant="subtle"
                      color="gray"
                      disabled={at === entries.length - 1}
                      aria-label={`${b.down}: ${sentence}`}
                      onClick={() => move(at, 1)}
                    >
                      <IconArrowDown size={16} aria-hidden />
                    </ActionIcon>
                    <ActionIcon
                      variant="subtle"
                      color="gray"
                      aria-label={`${b.remove}: ${sentence}`}
                      onClick={() => {
                        setOpen(undefined);
                        desk.remove(place, base.length + 1);
                      }}
                    >
                      <IconTrash size={16} aria-hidden />
                    </ActionIcon>
                  </>
                )}
                <Button
                  size="compact-sm"
                  variant="default"
                  aria-expanded={open === at}
                  aria-label={`${open === at ? b.done : b.edit}: ${sentence}`}
                  onClick={() => setOpen(open === at ? undefined : at)}
                >
                  {open === at ? b.done : b.edit}
                </Button>
              </Group>
            </Group>
            {list === 'approve_if' && <AsksOften rule={pointer} />}
            {open === at &&
              (list === 'limits' ? (
                <LimitEditor path={place} />
              ) : (
                <RuleEditor path={place} list={list} />
              ))}
          </div>
        );
      })}
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
