// Grants by tools, one word a cell, read from the documents in force.
import { Button, Group, Stack, Table, Text } from '@mantine/core';
import { useQueries } from '@tanstack/react-query';
import { api, type Schemas } from '../../api/client';
import { ALL, WHOLE } from '../../api/whole';
import { to } from '../../app/links';
import { parse, type Parsed } from '../../builder/document';
import { effectOn } from '../../builder/reading';
import { csv } from '../../lib/csv';
import { download } from '../../lib/download';
import { t } from '../../text';
import { Loading } from '../../ui/Asked';
import { Go } from '../../ui/bits';
import { ProblemView } from '../../ui/ProblemView';
import { type Kind, Word } from '../../ui/Word';

const WORD: Record<string, Kind> = { allow: 'allowed', deny: 'denied', hide: 'hidden' };

/** What keeps calls of a tool back whatever a policy says; nothing where nothing does. */
function keptBack(
  { state }: Schemas['ToolOut'],
  server: Schemas['ServerOut'] | undefined,
): 'denied' | 'hidden' | undefined {
  // What is not known to carry calls is not told as carrying them.
  if (!server?.enabled) return 'denied';
  if (state === 'withheld') return 'hidden';
  if (state === 'accepted' || (state === 'changed' && server.on_tool_change === 'allow'))
    return undefined;
  return state === 'changed' && server.on_tool_change === 'hide' ? 'hidden' : 'denied';
}

export function Matrix({ grants }: { grants: Schemas['GrantOut'][] }) {
  const slugs = [
    ...new Set(grants.flatMap((grant) => grant.servers.map((reach) => reach.server.name))),
  ];
  const names = [
    ...new Set(grants.flatMap((grant) => grant.servers.map((reach) => reach.policy?.name))),
  ];
  const policies = names.filter((name): name is string => name !== undefined);
  const servers = api.useQuery('get', '/api/v1/servers', ALL);
  const tools = useQueries({
    queries: slugs.map((slug) =>
      api.queryOptions('get', '/api/v1/servers/{id}/tools', {
        params: { path: { id: slug }, query: WHOLE },
      }),
    ),
  });
  const documents = useQueries({
    queries: policies.map((name) =>
      api.queryOptions('get', '/api/v1/policies/{id}', { params: { path: { id: name } } }),
    ),
  });
  const read = new Map<string, Parsed>();
  documents.forEach((query, at) => {
    const name = policies[at];
    if (name && query.data?.version) read.set(name, parse(query.data.version.text));
  });
  if ([servers, ...tools, ...documents].some((query) => query.isPending))
    return <Loading lines={6} />;
  const failed = [servers, ...tools, ...documents].find((query) => query.error);
  if (failed) return <ProblemView error={failed.error} retry={() => void failed.refetch()} />;

  const columns = slugs.flatMap((server, at) =>
    (tools[at]?.data?.items ?? [])
      .filter((tool) => tool.present)
      .map((tool) => ({
        server,
        tool: tool.name,
        kept: keptBack(
          tool,
          servers.data?.items.find((one) => one.slug === server),
        ),
      })),
  );
  const cell = (
    grant: Schemas['GrantOut'],
    { server, tool, kept }: (typeof columns)[number],
  ): Kind | 'rules' | '' => {
    const reach = grant.servers.find((one) => one.server.name === server);
    if (!reach) return '';
    if (grant.state !== 'active' || grant.expired) return 'denied';
    const doc = reach.policy && read.get(reach.policy.name);
    if (!doc) return 'denied';
    const word = WORD[effectOn(doc, tool)] ?? 'rules';
    return word === 'hidden' ? word : (kept ?? word);
  };
  const spoken = (word: Kind | 'rules' | '') =>
    word === '' ? '' : word === 'rules' ? t.grants.words.byRules : t.words[word];
  const save = () => {
    const rows = grants.map((grant) => [
      grant.label,
      ...columns.map((column) => spoken(cell(grant, column))),
    ]);
    const head = [
      t.grants.columns.label,
      ...columns.map(({ server, tool }) => `${server}/${tool}`),
    ];
    download('countersign-matrix.csv', csv([head, ...rows]));
  };
  return (
    <Stack>
      <Group justify="space-between">
        <Text size="sm" c="dimmed" maw={640}>
          {t.grants.matrixAbout}
        </Text>
        <Button size="xs" variant="default" onClick={save}>
          {t.grants.export}
        </Button>
      </Group>
      <Table.ScrollContainer minWidth={400} type="native" className="cs-panel" tabIndex={0}>
        <Table aria-label={t.grants.matrix} stickyHeader>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>{t.grants.columns.label}</Table.Th>
              {columns.map(({ server, tool }) => (
                <Table.Th key={`${server}/${tool}`}>
                  <Go {...to.server(server, 'tools', tool)}>{tool}</Go>
                </Table.Th>
              ))}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {grants.map((grant) => (
              <Table.Tr key={grant.id}>
                <Table.Th scope="row">
                  <Go {...to.grant(grant.id)}>{grant.label}</Go>
                </Table.Th>
                {columns.map((column) => {
                  const word = cell(grant, column);
                  return (
                    <Table.Td key={`${column.server}/${column.tool}`}>
                      {word === '' ? (
                        t.states.none
                      ) : word === 'rules' ? (
                        t.grants.words.byRules
                      ) : (
                        <Word kind={word} />
                      )}
                    </Table.Td>
                  );
                })}
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
    </Stack>
  );
}
