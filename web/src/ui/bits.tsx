// Small things that many pages show: moments, texts to copy, facts, links.
import { ActionIcon, Anchor, type AnchorProps, CopyButton, Group, Text } from '@mantine/core';
import { IconCheck, IconCopy } from '@tabler/icons-react';
import { createLink } from '@tanstack/react-router';
import { type ComponentProps, type ReactNode, type Ref } from 'react';
import { formatDistance, formatMoment, formatTime } from '../lib/format';
import { t } from '../text/core';
import { Hint } from './Hint';

function PlainLink({
  ref,
  ...props
}: AnchorProps & ComponentProps<'a'> & { ref?: Ref<HTMLAnchorElement> }) {
  return <Anchor ref={ref} inherit {...props} />;
}

/** A link inside the dashboard; its address comes from the builder of links. */
export const Go = createLink(PlainLink);

/** A moment: local time to read, UTC for the one who asks. */
export function At({ at, as = 'time' }: { at: string; as?: 'time' | 'distance' | 'moment' }) {
  const text = { time: formatTime, distance: formatDistance, moment: formatMoment }[as](at);
  return (
    <time dateTime={at} title={at} style={{ whiteSpace: as === 'moment' ? 'normal' : 'nowrap' }}>
      {text}
    </time>
  );
}

export function Copy({ value, label = t.states.copy }: { value: string; label?: string }) {
  return (
    <CopyButton value={value}>
      {({ copied, copy }) => (
        <Hint text={copied ? t.states.copied : label}>
          <ActionIcon
            variant="default"
            size="md"
            onClick={copy}
            aria-label={copied ? t.states.copied : label}
          >
            {copied ? <IconCheck size={16} aria-hidden /> : <IconCopy size={16} aria-hidden />}
          </ActionIcon>
        </Hint>
      )}
    </CopyButton>
  );
}

/** A block of text to be taken elsewhere. */
export function Snippet({
  text,
  copied = text,
  label,
  titled = false,
}: {
  text: string;
  /** What is taken along, where it is more than is shown. */
  copied?: string;
  label: string;
  /** Whether the label stands above it. */
  titled?: boolean;
}) {
  return (
    <>
      {titled && (
        <Text size="sm" fw={600}>
          {label}
        </Text>
      )}
      <Group align="flex-start" wrap="nowrap" gap="xs">
        <pre
          className="cs-mono cs-panel"
          style={{ margin: 0, flex: 1, whiteSpace: 'pre-wrap', padding: 12 }}
          // A region that scrolls is reached by the keyboard.
          // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
          tabIndex={0}
          role="region"
          aria-label={label}
        >
          {text}
        </pre>
        <Copy value={copied} label={`${t.states.copy}: ${label}`} />
      </Group>
    </>
  );
}

/** Names and what they are, as a list. */
export function Facts({ of }: { of: [string, ReactNode][] }) {
  return (
    <dl
      style={{
        display: 'grid',
        gridTemplateColumns: 'auto minmax(0, 1fr)',
        gap: '6px 16px',
        margin: 0,
      }}
    >
      {of.map(([name, value]) => (
        <div key={name} style={{ display: 'contents' }}>
          <Text component="dt" size="sm" c="dimmed">
            {name}
          </Text>
          <Text component="dd" size="sm" m={0} style={{ overflowWrap: 'anywhere' }}>
            {value}
          </Text>
        </div>
      ))}
    </dl>
  );
}
