// The proof that a call is in the log: asked for when somebody wants it.
import { Button, Group, Stack, Text } from '@mantine/core';
import { api } from '../../api/client';
import { download } from '../../lib/download';
import { formatNumber } from '../../lib/format';
import { audit } from '../../text/audit';
import { ProblemView } from '../../ui/ProblemView';

const p = audit.proof;

export function Proof({ call }: { call: string }) {
  const query = api.useQuery(
    'get',
    '/api/v1/calls/{id}/proof',
    { params: { path: { id: call } } },
    { enabled: false, retry: false },
  );
  const proof = query.data;
  if (!proof) {
    return (
      <Stack gap="xs" align="flex-start">
        <Button
          size="xs"
          variant="default"
          loading={query.isFetching}
          onClick={() => void query.refetch()}
        >
          {p.show}
        </Button>
        {query.error && <ProblemView error={query.error} />}
      </Stack>
    );
  }
  return (
    <Stack gap={4} role="status">
      {proof.entries.length === 0 && <Text size="sm">{p.none}</Text>}
      {proof.entries.map((entry) => (
        <Text key={entry.index} size="sm">
          {p.about(formatNumber(entry.index), formatNumber(proof.checkpoint.size))}
        </Text>
      ))}
      <Text size="xs" className="cs-mono">
        {proof.checkpoint.root}
      </Text>
      <Group gap="xs">
        <Button
          size="xs"
          variant="default"
          onClick={() => download(`${call}.evidence.jsonl`, proof.file)}
        >
          {p.file}
        </Button>
      </Group>
      <Text size="xs" c="dimmed">
        {p.offline}{' '}
        <span className="cs-mono">
          countersign audit verify {call}.evidence.jsonl --key '{proof.key}'
        </span>
      </Text>
    </Stack>
  );
}
