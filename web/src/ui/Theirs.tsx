// Somebody saved the same thing first: theirs is laid beside what was typed before it is written over.
import { Button, Group, Stack, Table, Text } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { problemOf } from '../api/client';
import { states } from '../text/shell';
import { ProblemView } from './ProblemView';

/** A field, what they saved in it, and what is typed. */
export type Apart = [field: string, theirs: string, yours: string];

interface Props {
  /** Why saving was refused. */
  error: unknown;
  /** Reads the newest state and takes it as what is changed from now on. */
  load: () => Promise<void>;
  /** Where the two differ, once theirs is there. */
  apart: Apart[] | undefined;
}

const s = states.theirs;

export function Theirs({ error, load, apart }: Props) {
  const read = useMutation({ mutationFn: load });
  if (error !== null && error !== undefined) {
    return (
      <Stack gap="sm">
        <ProblemView error={read.error ?? error} />
        {problemOf(error).code === 'stale' && (
          <Group>
            <Button variant="default" loading={read.isPending} onClick={() => read.mutate()}>
              {s.load}
            </Button>
          </Group>
        )}
      </Stack>
    );
  }
  if (!apart) return null;
  return (
    <section className="cs-panel" role="status">
      <Text size="sm">{apart.length > 0 ? s.loaded : s.nothing}</Text>
      {apart.length > 0 && (
        <Table aria-label={s.theirs}>
          <Table.Thead>
            <Table.Tr>
              {[s.field, s.theirs, s.yours].map((name) => (
                <Table.Th key={name}>{name}</Table.Th>
              ))}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {apart.map(([field, theirs, yours]) => (
              <Table.Tr key={field} style={{ overflowWrap: 'anywhere' }}>
                <Table.Td>{field}</Table.Td>
                <Table.Td>{theirs || states.none}</Table.Td>
                <Table.Td>{yours || states.none}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      )}
    </section>
  );
}
