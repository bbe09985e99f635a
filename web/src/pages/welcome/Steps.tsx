// The five steps after the first admin: what is there already counts as done.
import { Button, Group, NativeSelect, Stack, Table, Text, TextInput, Title } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { type ReactNode, useMemo, useState } from 'react';
import { api, type Schemas } from '../../api/client';
import { to } from '../../app/links';
import { parse } from '../../builder/document';
import { stateOf } from '../../builder/reading';
import { type Template, template } from '../../lib/templates';
import { useKnownTools } from '../../lib/tools';
import { t } from '../../text';
import { Asked } from '../../ui/Asked';
import { Go, Snippet } from '../../ui/bits';
import { ProblemView } from '../../ui/ProblemView';
import { kindOfCall, Word } from '../../ui/Word';
import { GrantForm } from '../grants/GrantForm';
import { Snippets } from '../grants/Snippets';
import { curl } from '../../lib/snippets';
import { Form as CredentialForm } from '../servers/credential/Form';
import { ServerForm } from '../servers/ServerForm';

const w = t.access.welcome;
const ALL = { params: { query: { limit: 500 } } };

export function Steps() {
  const servers = api.useQuery('get', '/api/v1/servers', ALL);
  const policies = api.useQuery('get', '/api/v1/policies', ALL);
  const [skipped, setSkipped] = useState(false);
  const [made, setMade] = useState<Schemas['GrantMade']>();
  const server = servers.data?.items[0];
  const whole = api.useQuery(
    'get',
    '/api/v1/servers/{id}',
    { params: { path: { id: server?.slug ?? '' } } },
    { enabled: server !== undefined },
  );
  const queries = useQueryClient();
  const look = api.useMutation('post', '/api/v1/servers/{id}/refresh', {
    onSettled: () => void queries.invalidateQueries(),
  });
  const credential =
    skipped || whole.data?.credential === true || (whole.data?.tools?.present ?? 0) > 0;
  const policy = policies.data?.items.find((one) => one.latest > 0);
  const done = {
    admin: true,
    server: server !== undefined,
    credential: server !== undefined && credential,
    policy: policy !== undefined,
    grant: made !== undefined,
    call: false,
  };
  const order = Object.keys(done) as (keyof typeof done)[];
  const now = order.find((step) => !done[step]);
  const body: Partial<Record<keyof typeof done, ReactNode>> = {
    server: (
      <>
        <Text size="sm">{w.serverAbout}</Text>
        <ServerForm />
      </>
    ),
    credential: server && (
      <>
        <Text size="sm">{w.credentialAbout}</Text>
        <CredentialForm
          slug={server.slug}
          close={() => {
            setSkipped(true);
            // Now that it may, the server lists its tools.
            look.mutate({ params: { path: { id: server.slug } } });
          }}
        />
        <Button
          variant="default"
          style={{ alignSelf: 'flex-start' }}
          onClick={() => setSkipped(true)}
        >
          {w.credentialSkip}
        </Button>
      </>
    ),
    policy: server && (
      <>
        {look.error && <ProblemView error={look.error} />}
        <Choose server={server.slug} />
      </>
    ),
    grant: (
      <>
        <Text size="sm">{w.grantAbout}</Text>
        <GrantForm
          done={setMade}
          {...(server ? { server: server.slug } : {})}
          {...(policy ? { policy: policy.name } : {})}
        />
      </>
    ),
    call: made && <Watch made={made} />,
  };
  return (
    <Asked query={servers}>
      {() => (
        <Stack>
          {order.map((step, at) => (
            <section key={step} className="cs-panel" aria-label={w.steps[step]}>
              <Group justify="space-between">
                <Title order={2} size="h4">{`${at + 1}. ${w.steps[step]}`}</Title>
                <Text size="sm" c="dimmed">
                  {done[step] ? `✓ ${w.done}` : step === now ? w.now : w.later}
                </Text>
              </Group>
              {step === now && <Stack mt="sm">{body[step]}</Stack>}
              {step === 'server' && server && <Text size="sm">{w.serverExists(server.name)}</Text>}
            </section>
          ))}
          <Go {...to.overview()}>{w.dismiss}</Go>
        </Stack>
      )}
    </Asked>
  );
}

/** A template, shown as a table of tools before anything is published. */
function Choose({ server }: { server: string }) {
  const queries = useQueryClient();
  const [name, setName] = useState(`${server}-first`);
  const [kind, setKind] = useState<Template>('readOnly');
  const { tools, pending } = useKnownTools(server);
  const text = useMemo(() => template(kind, tools), [kind, tools]);
  const doc = useMemo(() => parse(text), [text]);
  const publish = api.useMutation('post', '/api/v1/policies', {
    onSuccess: () => void queries.invalidateQueries({ queryKey: ['get', '/api/v1/policies'] }),
  });
  const words = { allow: 'allowed', deny: 'denied', hide: 'hidden' } as const;
  return (
    <>
      <Text size="sm">{w.policyAbout}</Text>
      <NativeSelect
        label={w.template}
        description={t.access.templates[kind].about}
        value={kind}
        onChange={(event) => setKind(event.currentTarget.value as Template)}
        data={Object.entries(t.access.templates).map(([value, { name: label }]) => ({
          value,
          label,
        }))}
      />
      <TextInput
        label={w.policyName}
        required
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
      />
      <Table aria-label={w.meaning}>
        <Table.Tbody>
          {tools.map((tool) => {
            const state = stateOf(doc, tool.name);
            const ruled = kind === 'hours' || kind === 'person' || state === 'custom';
            return (
              <Table.Tr key={tool.name}>
                <Table.Td>{tool.name}</Table.Td>
                <Table.Td>
                  {ruled && state !== 'deny' ? (
                    t.grants.words.byRules
                  ) : (
                    <Word kind={words[state as keyof typeof words] ?? 'denied'} />
                  )}
                </Table.Td>
              </Table.Tr>
            );
          })}
        </Table.Tbody>
      </Table>
      {publish.error && <ProblemView error={publish.error} />}
      <Group>
        <Button
          loading={publish.isPending || pending}
          onClick={() =>
            publish.mutate({ body: { name, server, text, note: t.access.templates[kind].name } })
          }
        >
          {w.publish}
        </Button>
      </Group>
    </>
  );
}

function Watch({ made }: { made: Schemas['GrantMade'] }) {
  const calls = api.useQuery(
    'get',
    '/api/v1/calls',
    { params: { query: { grant: made.grant.id, limit: 50 } } },
    { refetchInterval: 1_500, staleTime: 0 },
  );
  const items = [...(calls.data?.items ?? [])].reverse();
  const denied = items.some((call) => call.decision === 'denied');
  const allowed = items.some((call) => call.decision === 'allowed');
  return (
    <>
      <Text size="sm">{w.callAbout}</Text>
      {made.token && (
        <>
          <Text size="sm" fw={600} c="var(--cs-waiting)">
            {t.grants.token.once}
          </Text>
          <Snippets grant={made.grant} token={made.token} />
          <FromTerminal made={made} token={made.token} />
        </>
      )}
      <div role="status">
        {items.length === 0 && <Text>{w.waiting}</Text>}
        {items.map((call) => (
          <Text key={call.id} size="sm">
            <Word kind={kindOfCall(call)} /> {call.tool ?? call.method}{' '}
            <span className="cs-mono">{call.rule}</span>
          </Text>
        ))}
        {allowed && !denied && <Text>{w.nowDenied}</Text>}
        {allowed && denied && <Text fw={600}>{w.both}</Text>}
      </div>
      {items.length > 0 && <Go {...to.logs({ grant: made.grant.label })}>{w.toLogs}</Go>}
    </>
  );
}

/** A call that passes and one that does not, for a terminal: whoever has no client yet sees both. */
function FromTerminal({ made, token }: { made: Schemas['GrantMade']; token: string }) {
  const reach = made.grant.servers[0];
  const { tools } = useKnownTools(reach?.server.name);
  const policy = api.useQuery(
    'get',
    '/api/v1/policies/{id}',
    { params: { path: { id: reach?.policy?.id ?? '' } } },
    { enabled: Boolean(reach?.policy) },
  );
  const doc = parse(policy.data?.version?.text ?? '{}');
  const named = (state: string) =>
    tools.find(
      (tool) => stateOf(doc, tool.name) === state && !tool.fields.some((field) => field.required),
    ) ?? tools.find((tool) => stateOf(doc, tool.name) === state);
  const [passes, stops] = [named('allow'), named('deny')];
  if (!reach || !policy.data) return null;
  return (
    <>
      {passes && (
        <Snippet
          text={curl(reach.gateway_url, token, passes.name)}
          label={w.passes(passes.name)}
          titled
        />
      )}
      {stops && (
        <Snippet
          text={curl(reach.gateway_url, token, stops.name)}
          label={w.stops(stops.name)}
          titled
        />
      )}
    </>
  );
}
