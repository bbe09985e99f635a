// The tools of one server, and one of them opened: its arguments, and what changed in it.
import { Alert, Button, Code, Group, Stack, Table, Text } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { api, type Schemas } from '../../api/client';
import { WHOLE } from '../../api/whole';
import { useCan } from '../../app/can';
import { to } from '../../app/links';
import { formatNumber } from '../../lib/format';
import { fieldsOf } from '../../lib/fields';
import { t } from '../../text';
import { Asked, Empty } from '../../ui/Asked';
import { At, Facts, Go } from '../../ui/bits';
import { Guarded } from '../../ui/Guarded';
import { Panel } from '../../ui/Page';
import { ProblemView } from '../../ui/ProblemView';
import { Shown } from '../../ui/Shown';
import { Amounts } from './Amounts';
import { Mentioned } from './Mentioned';

const s = t.servers.tools;
export const stateText = (state: string): string =>
  s.states[state as keyof typeof s.states] ?? state;

export function ServerTools({ slug }: { slug: string }) {
  const { tool } = useSearch({ from: '/inside/servers/$slug/$tab' });
  const query = api.useQuery('get', '/api/v1/servers/{id}/tools', {
    params: { path: { id: slug }, query: WHOLE },
  });
  return (
    <Stack>
      {tool && <Tool slug={slug} name={tool} />}
      <Asked query={query}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty title={s.empty} text={s.emptyText} />
          ) : (
            <Table.ScrollContainer minWidth={480} type="native" className="cs-panel" tabIndex={0}>
              <Table aria-label={s.title}>
                <Table.Thead>
                  <Table.Tr>
                    {[s.name, s.state, s.firstSeen, s.changedAt, s.fingerprint].map((name) => (
                      <Table.Th key={name}>{name}</Table.Th>
                    ))}
                  </Table.Tr>
                </Table.Thead>
                <Table.Tbody>
                  {items.map((item) => (
                    <Table.Tr key={item.name} aria-current={item.name === tool}>
                      <Table.Td>
                        <Go {...to.server(slug, 'tools', item.name)}>{item.name}</Go>
                      </Table.Td>
                      <Table.Td fw={/new|changed/.test(item.state) ? 600 : 400}>
                        {stateText(item.state)}
                        {item.hidden_text && (
                          <Text size="xs" c="var(--cs-denied)">
                            {s.hiddenText}
                          </Text>
                        )}
                      </Table.Td>
                      <Table.Td>
                        <At at={item.first_seen_at} as="distance" />
                      </Table.Td>
                      <Table.Td>
                        <At at={item.changed_at} as="distance" />
                      </Table.Td>
                      <Table.Td className="cs-mono" title={item.fingerprint}>
                        {item.fingerprint.slice(0, 12)}
                      </Table.Td>
                    </Table.Tr>
                  ))}
                </Table.Tbody>
              </Table>
            </Table.ScrollContainer>
          )
        }
      </Asked>
    </Stack>
  );
}

function Tool({ slug, name }: { slug: string; name: string }) {
  const navigate = useNavigate();
  const query = api.useQuery('get', '/api/v1/servers/{id}/tools/{tool}', {
    params: { path: { id: slug, tool: name } },
  });
  return (
    <Panel
      title={name}
      aside={
        <Button size="compact-sm" variant="default" onClick={() => void navigate(to.server(slug))}>
          {t.states.close}
        </Button>
      }
    >
      <Asked query={query}>{(tool) => <Whole slug={slug} tool={tool} />}</Asked>
    </Panel>
  );
}

function Whole({ slug, tool }: { slug: string; tool: Schemas['ToolWhole'] }) {
  const may = useCan();
  const navigate = useNavigate();
  const queries = useQueryClient();
  const accept = api.useMutation('post', '/api/v1/servers/{id}/tools/{tool}/accept', {
    onSuccess: () => void queries.invalidateQueries({ queryKey: ['get'] }),
  });
  const waits = tool.state === 'new' || tool.state === 'changed';
  // What a person reads has its escapes; what is declared goes by the names as they are.
  const fields = fieldsOf(tool.shown);
  const description = (tool.shown as { description?: unknown } | null)?.description;
  return (
    <Stack gap="md">
      {typeof description === 'string' && (
        <Text size="sm" style={{ whiteSpace: 'pre-line', overflowWrap: 'anywhere' }}>
          <bdi>
            <Shown text={description} />
          </bdi>
        </Text>
      )}
      {tool.hidden_text && (
        <Alert color="red" title={s.hiddenText}>
          {s.hiddenTextAbout}
        </Alert>
      )}
      <Facts
        of={[
          [s.state, stateText(tool.state)],
          [
            s.fingerprint,
            <span key="f" className="cs-mono">
              {tool.fingerprint}
            </span>,
          ],
          [
            s.sizeName,
            s.size(formatNumber(new TextEncoder().encode(JSON.stringify(tool.definition)).length)),
          ],
          [s.mentioned, <Mentioned key="mentioned" tool={tool.name} />],
        ]}
      />
      {tool.withheld && <Alert color="gray">{tool.withheld}</Alert>}
      {tool.difference.length > 0 && <Difference changes={tool.difference} />}
      {tool.state === 'new' && <Text size="sm">{s.newNote}</Text>}
      {waits && (
        <Group>
          <Guarded
            may={may('tools_accept')}
            loading={accept.isPending}
            onClick={() =>
              accept.mutate({
                params: { path: { id: slug, tool: tool.name } },
                body: { fingerprint: tool.fingerprint },
              })
            }
          >
            {s.accept}
          </Guarded>
          <Button variant="default" onClick={() => void navigate(to.server(slug))}>
            {s.keep}
          </Button>
        </Group>
      )}
      {accept.error && <ProblemView error={accept.error} />}
      {fields.length === 0 ? (
        <Text size="sm" c="dimmed">
          {s.noFields}
        </Text>
      ) : (
        <Table.ScrollContainer minWidth={420} type="native" tabIndex={0}>
          <Table aria-label={s.fields}>
            <Table.Thead>
              <Table.Tr>
                {[s.field, s.type, s.required, s.about1].map((head) => (
                  <Table.Th key={head}>{head}</Table.Th>
                ))}
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {fields.map((field) => (
                <Table.Tr key={field.path}>
                  <Table.Td className="cs-mono">
                    <Shown text={field.name} />
                  </Table.Td>
                  <Table.Td>
                    {field.type ?? t.states.none}
                    {field.choices.length > 0 && (
                      <Shown text={`: ${field.choices.map(String).join(', ')}`} />
                    )}
                  </Table.Td>
                  <Table.Td>{field.required ? t.servers.yes : t.servers.no}</Table.Td>
                  <Table.Td>
                    <Shown text={field.description} />
                  </Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      )}
      <Amounts slug={slug} tool={tool} fields={fieldsOf(tool.definition)} />
      <details>
        <summary>{s.raw}</summary>
        <Code block mt="xs">
          <Shown text={JSON.stringify(tool.shown, null, 2).replaceAll('\\\\u{', '\\u{')} />
        </Code>
      </details>
    </Stack>
  );
}

function Difference({ changes }: { changes: Schemas['Change'][] }) {
  return (
    <Table.ScrollContainer minWidth={420} type="native" tabIndex={0}>
      <Table aria-label={s.differs} captionSide="top">
        <Table.Caption>{s.differs}</Table.Caption>
        <Table.Thead>
          <Table.Tr>
            {[s.place, s.before, s.after].map((head) => (
              <Table.Th key={head}>{head}</Table.Th>
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {changes.map((change) => (
            <Table.Tr key={change.pointer}>
              <Table.Td>
                <Text size="sm">{change.text}</Text>
                <span className="cs-mono">{change.pointer}</span>
              </Table.Td>
              <Table.Td className="cs-mono">
                <Shown text={change.before ?? s.absent} />
              </Table.Td>
              <Table.Td className="cs-mono">
                <Shown text={change.after ?? s.absent} />
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}
