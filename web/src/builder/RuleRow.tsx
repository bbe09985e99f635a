// One rule or limit in its list: the sentence, how often it decided, and its buttons.
import { ActionIcon, Button, Group, Text } from '@mantine/core';
import { IconArrowDown, IconArrowUp, IconTrash } from '@tabler/icons-react';
import { memo } from 'react';
import { formatDecimal } from '../lib/format';
import { seen } from '../lib/hidden';
import { t } from '../text';
import { Shown } from '../ui/Shown';
import { type Path, pointerOf } from './document';
import type { Limit, List, Rule } from './language';
import { LimitEditor } from './LimitEditor';
import { nameOf } from './reading';
import { RuleEditor } from './RuleEditor';
import { AsksOften, RuleUse } from './RuleUse';
import { limitText, missingFires, ruleText } from './sentence';

const b = t.builder;

interface Props {
  list: List;
  /** Where the list stands. */
  path: Path;
  at: number;
  entry: Rule & Limit;
  /** The very characters of the rule: where they are the same, so is the entry. */
  raw: string;
  /** The digits of a limit. */
  max: string;
  last: boolean;
  open: boolean;
  lit: boolean;
  readOnly: boolean;
  move: (from: number, by: number) => void;
  remove: (at: number) => void;
  toggle: (at: number) => void;
}

/** A document that was read anew has new entries; a row whose rule stayed as it was stays drawn. */
const alike = (before: Props, now: Props): boolean =>
  Object.keys(now).every(
    (name) => name === 'entry' || before[name as keyof Props] === now[name as keyof Props],
  );

export const RuleRow = memo(function RuleRow(props: Props) {
  const { list, path, at, entry, max, last, open, lit, readOnly, move, remove, toggle } = props;
  const sentence = seen(
    list === 'limits' ? limitText(entry, formatDecimal(max)) : ruleText(entry, list),
  );
  const pointer = pointerOf([...path, nameOf(entry, list) ?? '']);
  const missing = list !== 'limits' && missingFires(entry?.conditions);
  return (
    <div className="builder-rule" data-lit={lit}>
      <Group justify="space-between" wrap="nowrap" align="flex-start" className="builder-line">
        <Text size="sm" flex={1} miw={0} style={{ overflowWrap: 'anywhere' }}>
          {entry?.id && (
            <b>
              <Shown text={seen(String(entry.id))} />:{' '}
            </b>
          )}
          <Shown text={sentence} />
          {missing && (
            <Text span size="xs" c="dimmed">
              {'  '}
              {b.missing[list as 'deny_if']}
            </Text>
          )}
        </Text>
        <RuleUse rule={pointer} says={sentence} list={list} />
        <Group gap={4} wrap="nowrap">
          {!readOnly && (
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
                disabled={last}
                aria-label={`${b.down}: ${sentence}`}
                onClick={() => move(at, 1)}
              >
                <IconArrowDown size={16} aria-hidden />
              </ActionIcon>
              <ActionIcon
                variant="subtle"
                color="gray"
                aria-label={`${b.remove}: ${sentence}`}
                onClick={() => remove(at)}
              >
                <IconTrash size={16} aria-hidden />
              </ActionIcon>
            </>
          )}
          <Button
            size="compact-sm"
            variant="default"
            aria-expanded={open}
            aria-label={`${open ? b.done : b.edit}: ${sentence}`}
            onClick={() => toggle(at)}
          >
            {open ? b.done : b.edit}
          </Button>
        </Group>
      </Group>
      {list === 'approve_if' && <AsksOften rule={pointer} />}
      {open &&
        (list === 'limits' ? (
          <LimitEditor path={[...path, at]} />
        ) : (
          <RuleEditor path={[...path, at]} list={list} />
        ))}
    </div>
  );
}, alike);
