// How often each rule decided, as a table: rules by days, each number a link to its calls.
import { Button, Group, Table, Text } from '@mantine/core';
import { useState } from 'react';
import { type LogFilter, to } from '../app/links';
import { formatNumber, formatUtcDay } from '../lib/format';
import { logsOf } from '../lib/use';
import { t } from '../text';
import { Go } from '../ui/bits';
import { Panel } from '../ui/Page';
import type { Used } from './context';

const u = t.builder.use;

export function UseTable({ used }: { used: Used }) {
  const [open, setOpen] = useState(false);
  if (!open) {
    return (
      <Group mt="sm">
        <Button size="compact-sm" variant="default" onClick={() => setOpen(true)}>
          {u.asTable}
        </Button>
      </Group>
    );
  }
  return (
    <div style={{ marginTop: 16 }}>
      <Panel
        title={u.title}
        aside={
          <Button size="compact-sm" variant="default" onClick={() => setOpen(false)}>
            {u.close}
          </Button>
        }
      >
        <Text size="sm" c="dimmed" mb="sm">
          {u.about}
          {!used.counts.complete && ` ${u.notAll}`}
          {used.counts.left_out > 0 && ` ${u.leftOut(used.counts.left_out)}`}
        </Text>
        {used.counts.rules.length === 0 ? <Text size="sm">{u.none}</Text> : <Rows used={used} />}
      </Panel>
    </div>
  );
}

function Rows({ used: { policy, counts } }: { used: Used }) {
  const count = (n: number, filter: LogFilter | undefined) =>
    n > 0 && filter ? <Go {...to.logs(filter)}>{formatNumber(n)}</Go> : formatNumber(n);
  return (
    <Table.ScrollContainer minWidth={720} type="native" tabIndex={0}>
      <Table aria-label={u.title}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{u.rule}</Table.Th>
            {counts.days.map((day) => (
              <Table.Th key={day}>{formatUtcDay(day)}</Table.Th>
            ))}
            <Table.Th>{u.sum}</Table.Th>
            <Table.Th>{u.asked}</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {counts.rules.map((of) => (
            <Table.Tr key={`${of.rule} ${of.of_tools}`}>
              <Table.Th scope="row" fw={400} className="cs-mono">
                {of.rule.startsWith('/') ? (
                  <Go {...to.version(policy, of.version, of.rule)}>{of.rule}</Go>
                ) : (
                  of.rule
                )}
                {!of.of_tools && ` ${u.notOfTools}`}
              </Table.Th>
              {of.counts.map((n, at) => (
                <Table.Td key={counts.days[at]}>
                  {count(n, logsOf(policy, counts, of, at))}
                </Table.Td>
              ))}
              <Table.Td>{count(of.total, logsOf(policy, counts, of))}</Table.Td>
              <Table.Td>{of.held > 0 ? formatNumber(of.held) : ''}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}
