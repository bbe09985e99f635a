// The tools of all servers; those that wait for review come first.
import { Group, NativeSelect, Table, Text, TextInput } from '@mantine/core';
import { useQueries } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { api } from '../api/client';
import { ALL, WHOLE } from '../api/whole';
import { to } from '../app/links';
import { t } from '../text';
import { Asked, Empty } from '../ui/Asked';
import { At, Go } from '../ui/bits';
import { Page } from '../ui/Page';
import { stateText } from './servers/ServerTools';

const s = t.servers.tools;
const ORDER = ['changed', 'new', 'withheld', 'accepted', 'gone'];

export function Tools() {
  const search = useSearch({ from: '/inside/tools' });
  const navigate = useNavigate();
  const servers = api.useQuery('get', '/api/v1/servers', ALL);
  const lists = useQueries({
    queries: (servers.data?.items ?? []).map((server) =>
      api.queryOptions('get', '/api/v1/servers/{id}/tools', {
        params: { path: { id: server.slug }, query: WHOLE },
      }),
    ),
  });
  const find = (search.find ?? '').toLowerCase();
  const rows = (servers.data?.items ?? [])
    .flatMap((server, at) =>
      (lists[at]?.data?.items ?? []).map((tool) => ({ ...tool, server: server.slug })),
    )
    .filter(
      (tool) =>
        tool.name.toLowerCase().includes(find) && (!search.state || tool.state === search.state),
    )
    .sort(
      (a, b) => ORDER.indexOf(a.state) - ORDER.indexOf(b.state) || a.name.localeCompare(b.name),
    );
  const change = (part: Partial<typeof search>) => {
    const next = Object.entries({ ...search, ...part }).filter(([, value]) => value);
    void navigate({ to: '/tools', search: Object.fromEntries(next), replace: true });
  };
  return (
    <Page title={s.title} about={s.about}>
      <Group align="flex-end">
        <TextInput
          size="xs"
          label={s.filter}
          value={search.find ?? ''}
          onChange={(event) => change({ find: event.currentTarget.value })}
          data-filter
        />
        <NativeSelect
          size="xs"
          label={s.state}
          data={[
            { value: '', label: s.any },
            ...Object.entries(s.states).map(([value, label]) => ({ value, label })),
          ]}
          value={search.state ?? ''}
          onChange={(event) => change({ state: event.currentTarget.value })}
        />
      </Group>
      <Asked query={servers}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty title={t.servers.emptyTitle} text={t.servers.empty}>
              <Go {...to.servers()}>{t.servers.add}</Go>
            </Empty>
          ) : rows.length === 0 && lists.every((list) => !list.isPending) ? (
            <Text c="dimmed">{s.nothing}</Text>
          ) : (
            <Table.ScrollContainer minWidth={420} type="native" className="cs-panel" tabIndex={0}>
              <Table aria-label={s.title}>
                <Table.Thead>
                  <Table.Tr>
                    {[s.name, s.server, s.state, s.changedAt].map((name) => (
                      <Table.Th key={name}>{name}</Table.Th>
                    ))}
                  </Table.Tr>
                </Table.Thead>
                <Table.Tbody>
                  {rows.map((tool) => (
                    <Table.Tr key={`${tool.server}/${tool.name}`}>
                      <Table.Td>
                        <Go {...to.server(tool.server, 'tools', tool.name)}>{tool.name}</Go>
                      </Table.Td>
                      <Table.Td>{tool.server}</Table.Td>
                      <Table.Td fw={/new|changed/.test(tool.state) ? 600 : 400}>
                        {stateText(tool.state)}
                      </Table.Td>
                      <Table.Td>
                        <At at={tool.changed_at} as="distance" />
                      </Table.Td>
                    </Table.Tr>
                  ))}
                </Table.Tbody>
              </Table>
            </Table.ScrollContainer>
          )
        }
      </Asked>
    </Page>
  );
}
