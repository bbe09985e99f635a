// The time that the gateway itself adds: half of the calls and nearly all of them, now and over the day.
import { Button, Group, Table, Text } from '@mantine/core';
import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { to } from '../../app/links';
import { hourOf, runsOf, type Sum } from '../../lib/counts';
import { formatMicros, formatNumber, formatTime } from '../../lib/format';
import { t } from '../../text';
import { At, Go } from '../../ui/bits';
import { Panel } from '../../ui/Page';

const o = t.overview;
const HEIGHT = 36;
const STEP = 10;

export function Overhead({ all, hours }: { all: Sum; hours: Sum[] }) {
  const [table, setTable] = useState(false);
  const { p50_micros: half, p99_micros: most } = all;
  if (typeof half !== 'number' || typeof most !== 'number')
    return (
      <Panel title={o.overhead}>
        <Text c="dimmed">{o.noCalls}</Text>
      </Panel>
    );
  return (
    <Panel
      title={o.overhead}
      aside={
        <Button size="compact-sm" variant="default" onClick={() => setTable(!table)}>
          {table ? o.asLine : o.asTable}
        </Button>
      }
    >
      <Text size="xl" fw={700}>
        {o.p50(formatMicros(half))}
      </Text>
      <Text size="sm">
        {o.p99(formatMicros(most))}{' '}
        <Text span size="sm" c="dimmed">
          {o.ofLast(formatNumber(all.reached))}
        </Text>
      </Text>
      {table ? <Hours hours={hours} /> : <Line all={all} hours={hours} />}
    </Panel>
  );
}

/** The hour in which it was slowest. */
const slowest = (hours: Sum[]): Sum | undefined =>
  hours.reduce<Sum | undefined>(
    (worst, hour) => ((hour.p99_micros ?? -1) > (worst?.p99_micros ?? -1) ? hour : worst),
    undefined,
  );

function Line({ all, hours }: { all: Sum; hours: Sum[] }) {
  const navigate = useNavigate();
  const worst = slowest(hours);
  const top = Math.max(1, worst?.p99_micros ?? 1);
  const place = (at: number, micros: number): string =>
    `${at * STEP + STEP / 2},${HEIGHT - 3 - (micros / top) * (HEIGHT - 6)}`;
  const lines = [
    { name: 'p99', values: hours.map((hour) => hour.p99_micros), dash: '3 3' },
    { name: 'p50', values: hours.map((hour) => hour.p50_micros), dash: undefined },
  ];
  const summary = o.overheadLine(
    formatMicros(all.p50_micros ?? 0),
    formatMicros(all.p99_micros ?? 0),
    formatMicros(worst?.p99_micros ?? 0),
    formatTime(worst?.at ?? all.at),
  );
  return (
    <>
      <svg
        viewBox={`0 0 ${hours.length * STEP} ${HEIGHT}`}
        width="100%"
        height={HEIGHT}
        preserveAspectRatio="none"
        role="img"
        aria-label={summary}
      >
        {lines.flatMap(({ name, values, dash }) =>
          runsOf(values).map((run) => {
            const points = run.map(([at, micros]) => place(at, micros));
            // An hour between two without calls is a point.
            const [x = '0', y = '0'] = (points[0] ?? '').split(',');
            const alone = `${Number(x) - 2},${y} ${Number(x) + 2},${y}`;
            return (
              <polyline
                key={`${name} ${run[0]?.[0]}`}
                points={points.length === 1 ? alone : points.join(' ')}
                fill="none"
                stroke="var(--cs-focus)"
                strokeWidth={2}
                strokeDasharray={dash}
                vectorEffect="non-scaling-stroke"
              />
            );
          }),
        )}
        {hours.map((hour, at) => (
          // The table view holds the same as links for the keyboard.
          <rect
            key={hour.at}
            x={at * STEP}
            width={STEP}
            height={HEIGHT}
            fill="transparent"
            style={{ cursor: 'pointer' }}
            onClick={() => void navigate(to.logs({ ...hourOf(hour), decision: 'allowed' }))}
          >
            <title>
              {o.overheadHour(
                formatTime(hour.at),
                typeof hour.p50_micros === 'number' ? formatMicros(hour.p50_micros) : undefined,
                formatMicros(hour.p99_micros ?? 0),
              )}
            </title>
          </rect>
        ))}
      </svg>
      <Group gap="md">
        <Text size="xs" c="dimmed">
          {o.lineKey}
        </Text>
      </Group>
    </>
  );
}

function Hours({ hours }: { hours: Sum[] }) {
  const reached = hours.filter((hour) => hour.reached > 0);
  return (
    <Table.ScrollContainer minWidth={240} mah={200} type="native" tabIndex={0}>
      <Table aria-label={o.overhead}>
        <Table.Thead>
          <Table.Tr>
            {[o.hour, o.half, o.nearly, o.reached].map((name) => (
              <Table.Th key={name}>{name}</Table.Th>
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {reached.map((hour) => (
            <Table.Tr key={hour.at}>
              <Table.Td>
                <Go {...to.logs({ ...hourOf(hour), decision: 'allowed' })}>
                  <At at={hour.at} />
                </Go>
              </Table.Td>
              <Table.Td>{formatMicros(hour.p50_micros ?? 0)}</Table.Td>
              <Table.Td>{formatMicros(hour.p99_micros ?? 0)}</Table.Td>
              <Table.Td>{formatNumber(hour.reached)}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}
