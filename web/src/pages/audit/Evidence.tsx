// The evidence: what the log holds, signed; the server's check of itself, called by its name; and how
// somebody else checks the server.
import { Alert, Button, Group, List, Stack, Table, Text } from '@mantine/core';
import { api, type Schemas } from '../../api/client';
import { useCan } from '../../app/can';
import { download } from '../../lib/download';
import { formatNumber } from '../../lib/format';
import { audit as a } from '../../text/audit';
import { states as t } from '../../text/shell';
import { Asked } from '../../ui/Asked';
import { At, Facts, Snippet } from '../../ui/bits';
import { Guarded } from '../../ui/Guarded';
import { Panel } from '../../ui/Page';
import { ProblemView } from '../../ui/ProblemView';

export function Evidence() {
  const latest = api.useQuery('get', '/api/v1/checkpoints/latest', {}, { staleTime: 5_000 });
  return (
    <Stack>
      <Text size="sm">{a.evidenceAbout}</Text>
      <Panel title={a.state}>
        <Asked query={latest}>
          {(point) => (
            <Stack gap="sm">
              <Facts
                of={[
                  [a.length, a.entries(formatNumber(point.size))],
                  [
                    a.root,
                    <span key="root" className="cs-mono">
                      {point.root}
                    </span>,
                  ],
                  [a.signed, <At key="at" at={point.at} as="moment" />],
                  [a.cosigned, cosigners(point)],
                  [a.witnessed, <Witnessed key="witnessed" />],
                  [
                    a.key,
                    <span key="key" className="cs-mono">
                      {point.key}
                    </span>,
                  ],
                ]}
              />
              <Text size="sm">{a.keep}</Text>
              <Group>
                <Button
                  variant="default"
                  size="xs"
                  onClick={() => download(`checkpoint-${point.size}.txt`, point.note)}
                >
                  {a.checkpointFile}
                </Button>
              </Group>
            </Stack>
          )}
        </Asked>
      </Panel>
      <Verify />
      <Exports />
      <Recent />
    </Stack>
  );
}

/** Who else put their name under a checkpoint, as this server tells it. */
const cosigners = ({ cosigned_by: names }: { cosigned_by: string[] }): string =>
  names.length > 0 ? names.join(', ') : a.cosignedByNone;

/** When a witness was here last, and how far it has followed. */
function Witnessed() {
  const query = api.useQuery(
    'get',
    '/api/v1/checkpoints/witnessed',
    {},
    { refetchInterval: 30_000 },
  );
  const { data } = query;
  if (!data) return query.error ? a.witnessedUnknown : t.loading;
  if (!data.at) return a.neverWitnessed;
  return (
    <>
      <At at={data.at} as="moment" />, {a.entries(formatNumber(data.size))}
    </>
  );
}

function Verify() {
  const may = useCan();
  const check = api.useQuery('get', '/api/v1/audit/verify', {}, { enabled: false, retry: false });
  const found = check.data;
  return (
    <Panel title={a.verify}>
      <Stack gap="sm">
        <Text size="sm" c="dimmed">
          {a.verifyAbout}
        </Text>
        <Group>
          <Guarded
            may={may('audit_verify')}
            loading={check.isFetching}
            onClick={() => void check.refetch()}
          >
            {a.verify}
          </Guarded>
        </Group>
        <div role="status">
          {check.error && <ProblemView error={check.error} />}
          {found && <Found found={found} />}
        </div>
        {may('audit_evidence').allowed && (
          <Stack gap={4} align="flex-start">
            <Button
              variant="default"
              size="xs"
              component="a"
              href="/api/v1/audit/evidence"
              download="countersign-evidence.jsonl"
            >
              {a.exportEvidence}
            </Button>
            <Text size="xs" c="dimmed">
              {a.exportAbout}
            </Text>
          </Stack>
        )}
      </Stack>
    </Panel>
  );
}

function Found({ found }: { found: Schemas['LogCheckOut'] }) {
  return (
    <Stack gap="sm">
      <Alert
        color={found.holds ? 'green' : 'red'}
        variant="outline"
        title={found.holds ? a.holds : a.fails}
      >
        <Text size="sm">
          {a.entries(formatNumber(found.size))} · {a.checkpoints(found.checkpoints)}
        </Text>
        <Text size="sm">
          {a.witnessed}: <Witnessed />
        </Text>
        {found.unentered > 0 && <Text size="sm">{a.unentered(found.unentered)}</Text>}
        {found.findings.length > 0 && (
          <List size="sm">
            {found.findings.map((finding) => (
              <List.Item key={finding.code + finding.message}>{finding.message}</List.Item>
            ))}
          </List>
        )}
        <Text size="sm" fw={600} mt="xs">
          {found.statement}
        </Text>
      </Alert>
      <Text size="sm" fw={600}>
        {a.command}
      </Text>
      <Snippet text={found.command} label={a.command} />
    </Stack>
  );
}

function Exports() {
  const query = api.useQuery('get', '/api/v1/health/detail', {}, { refetchInterval: 30_000 });
  return (
    <Panel title={a.health}>
      <Asked query={query} lines={2}>
        {({ parts }) => {
          const exports = parts.filter((part) => part.part.startsWith('export '));
          if (exports.length === 0) return <Text size="sm">{a.noExports}</Text>;
          return (
            <Stack gap="sm">
              <Text size="sm" c="dimmed">
                {a.healthAbout}
              </Text>
              <Facts
                of={exports.map((part) => [
                  part.part.slice('export '.length),
                  [part.state === 'ok' ? a.healthStates.ok : a.healthStates.lagging, part.said]
                    .filter(Boolean)
                    .join(': '),
                ])}
              />
            </Stack>
          );
        }}
      </Asked>
    </Panel>
  );
}

function Recent() {
  const query = api.useQuery('get', '/api/v1/checkpoints', { params: { query: { limit: 20 } } });
  return (
    <Panel title={a.recent}>
      <Asked query={query}>
        {({ items }) =>
          items.length === 0 ? (
            <Text size="sm">{a.noCheckpoints}</Text>
          ) : (
            <Table.ScrollContainer minWidth={520} type="native" tabIndex={0}>
              <Table aria-label={a.recent} className="cs-stack">
                <Table.Thead>
                  <Table.Tr>
                    {[a.size, a.at, a.cosigned, a.root].map((name) => (
                      <Table.Th key={name}>{name}</Table.Th>
                    ))}
                  </Table.Tr>
                </Table.Thead>
                <Table.Tbody>
                  {items.map((point) => (
                    <Table.Tr key={point.size}>
                      <Table.Td data-label={a.size}>{formatNumber(point.size)}</Table.Td>
                      <Table.Td data-label={a.at}>
                        <At at={point.at} />
                      </Table.Td>
                      <Table.Td data-label={a.cosigned}>{cosigners(point)}</Table.Td>
                      <Table.Td data-label={a.root} className="cs-mono">
                        {point.root}
                      </Table.Td>
                    </Table.Tr>
                  ))}
                </Table.Tbody>
              </Table>
            </Table.ScrollContainer>
          )
        }
      </Asked>
    </Panel>
  );
}
