// The lines of the log: only those in view are drawn, so that ten thousand stay smooth.
import { Button, Group, Text } from '@mantine/core';
import { useMediaQuery } from '@mantine/hooks';
import { useVirtualizer } from '@tanstack/react-virtual';
import { Link } from '@tanstack/react-router';
import { type KeyboardEvent, memo, type MouseEvent, useCallback, useEffect, useRef } from 'react';
import { kept } from '../../lib/settings';
import { SINGLE_KEYS } from '../../app/keys';
import { to } from '../../app/links';
import { formatMicros } from '../../lib/format';
import type { Call } from '../../lib/road';
import { t } from '../../text';
import { At } from '../../ui/bits';
import { kindOfCall, Word } from '../../ui/Word';

interface Props {
  lines: Call[];
  names: (policy: string) => string;
  open: string | undefined;
  show: (id: string | undefined) => void;
  /** How many lines wait until the pointer and the focus have left. */
  waiting: number;
  release: () => void;
  hold: (on: boolean) => void;
  more: (() => void) | undefined;
  loading: boolean;
}

const LINE = 37;
/** Where the rule stands below the tool, a line has two rows, and room for a finger. */
const TALL = 60;
const NARROW = '(max-width: 900px)';

export function Lines({ lines, names, open, show, waiting, release, hold, more, loading }: Props) {
  const frame = useRef<HTMLDivElement>(null);
  const narrow = useMediaQuery(NARROW, undefined, { getInitialValueInEffect: false }) ?? false;
  const height = narrow ? TALL : LINE;
  // The library keeps its own state; nothing here is remembered on its behalf.
  // eslint-disable-next-line react-hooks/incompatible-library
  const rows = useVirtualizer({
    count: lines.length,
    getScrollElement: () => frame.current,
    estimateSize: () => height,
    overscan: 12,
    getItemKey: (at) => lines[at]?.index ?? at,
  });
  useEffect(() => rows.measure(), [rows, height]);
  // The same function for every line and every time, so that a line is drawn again only when it changes.
  const latest = useRef(show);
  useEffect(() => {
    latest.current = show;
  });
  const toggle = useCallback((id: string | undefined) => latest.current(id), []);
  const items = rows.getVirtualItems();
  const last = items.at(-1)?.index ?? 0;
  useEffect(() => {
    if (more && !loading && last >= lines.length - 20) more();
  }, [last, lines.length, more, loading]);

  const move = (event: KeyboardEvent<HTMLDivElement>) => {
    const step = { ArrowDown: 1, ArrowUp: -1, ...(kept(SINGLE_KEYS, true) ? { j: 1, k: -1 } : {}) }[
      event.key
    ];
    if (!step) return;
    event.preventDefault();
    const buttons = [...event.currentTarget.querySelectorAll<HTMLElement>('[data-line]')];
    const here = buttons.findIndex((button) => button === document.activeElement);
    buttons[Math.max(0, here + step)]?.focus();
  };

  return (
    <div style={{ minWidth: 0 }}>
      <Group justify="space-between" mb={4} mih={30}>
        <Text size="sm" c="dimmed">
          {t.logs.count(lines.length)}
        </Text>
        <div role="status">
          {waiting > 0 && (
            <Button size="compact-sm" onClick={release}>
              {t.logs.fresh(waiting)} · {t.logs.showFresh}
            </Button>
          )}
        </div>
      </Group>
      {/* Pointer and focus only hold back what is new; every line has a button of its own. */}
      {/* eslint-disable-next-line jsx-a11y/no-noninteractive-element-interactions */}
      <div
        ref={frame}
        className="cs-panel logs-list"
        role="table"
        aria-label={t.logs.title}
        aria-rowcount={lines.length}
        onMouseEnter={() => hold(true)}
        onMouseLeave={() => hold(false)}
        onFocus={() => hold(true)}
        onBlur={(event) => !event.currentTarget.contains(event.relatedTarget) && hold(false)}
        onKeyDown={move}
        // A region that scrolls is reached by the keyboard.
        // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
        tabIndex={0}
      >
        <div role="rowgroup" className="logs-head">
          <div role="row" className="logs-line">
            {(
              ['time', 'decision', 'tool', 'grant', 'rule', 'version', 'took', 'keys'] as const
            ).map((name) => (
              <span role="columnheader" key={name}>
                {t.logs.columns[name]}
              </span>
            ))}
          </div>
        </div>
        <div role="rowgroup" style={{ height: rows.getTotalSize(), position: 'relative' }}>
          {items.map((item) => {
            const call = lines[item.index];
            if (!call) return null;
            return (
              <Line
                key={item.key}
                call={call}
                row={item.index + 1}
                top={item.start}
                height={height}
                policy={call.policy && names(call.policy.id)}
                linked={!narrow}
                open={call.id === open}
                show={toggle}
              />
            );
          })}
        </div>
      </div>
    </div>
  );
}

interface LineProps {
  call: Call;
  row: number;
  top: number;
  height: number;
  /** What people call the policy that decided. */
  policy: string | null | undefined;
  /** Whether the rule is a link: where fingers tap the line as a whole, it is the way to it. */
  linked: boolean;
  open: boolean;
  show: (id: string | undefined) => void;
}

/** One line, of plain elements: dozens of them are drawn in a frame. */
const Line = memo(function Line(props: LineProps) {
  const { call, row, top, height, open, show } = props;
  const toggle = () => show(open ? undefined : call.id);
  const tapped = (event: MouseEvent<HTMLElement>) => {
    const own = (event.target as HTMLElement).closest('a, button');
    // Whoever marks text to copy it wants no other page.
    if (!own && getSelection()?.isCollapsed !== false) toggle();
  };
  return (
    // A tap anywhere does what the line's own button does for the keyboard.
    // eslint-disable-next-line jsx-a11y/click-events-have-key-events, jsx-a11y/interactive-supports-focus
    <div
      role="row"
      aria-rowindex={row}
      className="logs-line"
      data-open={open}
      onClick={tapped}
      style={{ position: 'absolute', top: 0, height, transform: `translateY(${top}px)` }}
    >
      <span role="cell">
        <button type="button" data-line className="logs-open" onClick={toggle} aria-expanded={open}>
          <At at={call.at} />
        </button>
      </span>
      <span role="cell">
        <Word kind={kindOfCall(call)} />
      </span>
      <span role="cell" className="cs-cut">
        {call.tool ?? call.method} {call.count > 1 && t.logs.folded(call.count)}
      </span>
      <span role="cell" className="cs-cut">
        {call.grant.name}
      </span>
      <span role="cell" className="cs-cut cs-mono logs-rule" title={call.rule}>
        <Rule {...props} />
      </span>
      <span role="cell">{call.policy ? `v${call.policy.version}` : t.states.none}</span>
      <span role="cell" style={{ textAlign: 'right' }}>
        {call.outcome ? formatMicros(call.outcome.took_micros) : ''}
      </span>
      <span role="cell" className="cs-cut">
        {call.known_args.join(' ')}
        {call.unknown_args > 0 && ` +${call.unknown_args}`}
      </span>
    </div>
  );
});

/** The rule that decided: a link to the version that did, with this rule lit. */
function Rule({ call, policy, linked }: LineProps) {
  if (call.rule === '') return t.states.none;
  if (!linked || !call.policy || !policy || !call.rule.startsWith('/')) return call.rule;
  return <Link {...to.version(policy, call.policy.version, call.rule)}>{call.rule}</Link>;
}
