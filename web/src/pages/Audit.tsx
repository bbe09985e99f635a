// The log of changes: who, what, before and after by field, from where.
import { Button, Group, Stack, Table, Text, TextInput } from '@mantine/core';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { api, type Schemas } from '../api/client';
import { t } from '../text';
import { Asked, Empty } from '../ui/Asked';
import { At } from '../ui/bits';
import { Page, Panel } from '../ui/Page';

const a = t.access.audit;

export function Audit() {
  const search = useSearch({ from: '/inside/audit' });
  const navigate = useNavigate();
  const query = api.useInfiniteQuery(
    'get',
    '/api/v1/audit',
    { params: { query: { limit: 200 } } },
    {
      pageParamName: 'after',
      initialPageParam: null as string | null,
      getNextPageParam: (page: { next?: string | null }) => page.next ?? undefined,
    },
  );
  const items =
    query.data?.pages.flatMap((page: { items: Schemas['AuditOut'][] }) => page.items) ?? [];
  const shown = items.filter(
    (line) =>
      line.event.includes(search.event ?? '') && line.subject.includes(search.subject ?? ''),
  );
  const change = (part: typeof search) => {
    const next = Object.entries({ ...search, ...part }).filter(([, value]) => value);
    void navigate({ to: '/audit', search: Object.fromEntries(next), replace: true });
  };
  return (
    <Page title={a.title} about={a.about}>
      <Group align="flex-end">
        <TextInput
          size="xs"
          label={a.filterEvent}
          value={search.event ?? ''}
          onChange={(event) => change({ event: event.currentTarget.value })}
          data-filter
        />
        <TextInput
          size="xs"
          label={a.filterSubject}
          value={search.subject ?? ''}
          onChange={(event) => change({ subject: event.currentTarget.value })}
        />
        {query.hasNextPage && (
          <Text size="sm" c="dimmed">
            {a.loadedOnly}
          </Text>
        )}
      </Group>
      <Asked query={query}>
        {() =>
          shown.length === 0 ? (
            <Empty title={a.empty} text={a.emptyText} />
          ) : (
            <Stack align="flex-start">
              <Table.ScrollContainer
                minWidth={720}
                type="native"
                className="cs-panel"
                tabIndex={0}
                w="100%"
              >
                <Table aria-label={a.title}>
                  <Table.Thead>
                    <Table.Tr>
                      {[a.index, a.when, a.who, a.what, a.subject, a.changes, a.from].map(
                        (name) => (
                          <Table.Th key={name}>{name}</Table.Th>
                        ),
                      )}
                    </Table.Tr>
                  </Table.Thead>
                  <Table.Tbody>
                    {shown.map((line) => (
                      <Table.Tr key={line.index} id={`entry-${line.index}`}>
                        <Table.Td>{line.index}</Table.Td>
                        <Table.Td>
                          <At at={line.at} />
                        </Table.Td>
                        <Table.Td>{line.name}</Table.Td>
                        <Table.Td>{line.event}</Table.Td>
                        <Table.Td className="cs-mono">{line.subject}</Table.Td>
                        <Table.Td>
                          <Detail detail={line.detail} />
                        </Table.Td>
                        <Table.Td>{line.address ?? t.states.none}</Table.Td>
                      </Table.Tr>
                    ))}
                  </Table.Tbody>
                </Table>
              </Table.ScrollContainer>
              {query.hasNextPage && (
                <Button
                  variant="default"
                  loading={query.isFetchingNextPage}
                  onClick={() => void query.fetchNextPage()}
                >
                  {t.states.more}
                </Button>
              )}
            </Stack>
          )
        }
      </Asked>
      <Refusals />
    </Page>
  );
}

const plain = (value: unknown): string =>
  typeof value === 'string' ? value : JSON.stringify(value);

/** Fields with their values; a pair is what stood there before and what stands there now. */
function Detail({ detail }: { detail: unknown }) {
  if (typeof detail !== 'object' || detail === null) return t.states.none;
  return Object.entries(detail).map(([name, value]) => (
    <div key={name} style={{ overflowWrap: 'anywhere' }}>
      <Text span size="sm" c="dimmed">
        {name}:
      </Text>{' '}
      {Array.isArray(value) && value.length === 2
        ? `${plain(value[0])} → ${plain(value[1])}`
        : plain(value)}
    </div>
  ));
}

function Refusals() {
  const query = api.useQuery('get', '/api/v1/refusals', { params: { query: { limit: 50 } } });
  return (
    <Panel title={a.refusals}>
      <Text size="sm" c="dimmed" mb="sm">
        {a.refusalsAbout}
      </Text>
      <Asked query={query}>
        {({ items }) =>
          items.length === 0 ? (
            <Text size="sm">{a.noRefusals}</Text>
          ) : (
            <Table.ScrollContainer minWidth={420} type="native" tabIndex={0}>
              <Table aria-label={a.refusals}>
                <Table.Thead>
                  <Table.Tr>
                    {[a.when, a.from, a.reason, a.prefix, a.count].map((name) => (
                      <Table.Th key={name}>{name}</Table.Th>
                    ))}
                  </Table.Tr>
                </Table.Thead>
                <Table.Tbody>
                  {items.map((line) => (
                    <Table.Tr key={line.at + line.address + line.reason + line.token_prefix}>
                      <Table.Td>
                        <At at={line.at} />
                      </Table.Td>
                      <Table.Td>{line.address}</Table.Td>
                      <Table.Td>{line.reason.replaceAll('_', ' ')}</Table.Td>
                      <Table.Td className="cs-mono">{line.token_prefix ?? t.states.none}</Table.Td>
                      <Table.Td>{line.count}</Table.Td>
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
