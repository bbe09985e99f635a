// The five steps after the first admin: what is there already counts as done.
import { Button, Group, NativeSelect, Stack, Table, Text, TextInput, Title } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { type ReactNode, useMemo, useState } from 'react';
import { api, type Schemas } from '../../api/client';
import { ALL } from '../../api/whole';
import { to } from '../../app/links';
import { parse } from '../../builder/document';
import { stateOf } from '../../builder/reading';
import { doneOf, type FirstStep, grantToGoOn, STEPS, stepAtHand } from '../../lib/first-run';
import { type Template, template } from '../../lib/templates';
import { useKnownTools } from '../../lib/tools';
import { t } from '../../text';
import { Asked } from '../../ui/Asked';
import { Go, Snippet } from '../../ui/bits';
import { Leaving } from '../../ui/Leaving';
import { ProblemView } from '../../ui/ProblemView';
import { kindOfCall, Word } from '../../ui/Word';
import { GrantForm } from '../grants/GrantForm';
import { Snippets } from '../grants/Snippets';
import { useToken } from '../grants/TokenOnce';
import { curl } from '../../lib/snippets';
import { Form as CredentialForm } from '../servers/credential/Form';
import { ServerForm } from '../servers/ServerForm';

const w = t.access.welcome;

export function Steps() {
  const servers = api.useQuery('get', '/api/v1/servers', ALL);
  const policies = api.useQuery('get', '/api/v1/policies', ALL);
  const [skipped, setSkipped] = useState(false);
  const [made, setMade] = useState<Schemas['GrantMade']>();
  const grants = api.useQuery('get', '/api/v1/grants', ALL, { refetchInterval: 5_000 });
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
  const given = grants.data?.items ?? [];
  const grant = made?.grant ?? grantToGoOn(given);
  const done = doneOf({
    server: server !== undefined,
    credential,
    policy: policy !== undefined,
    grants: made ? [made.grant, ...given] : given,
  });
  const now = stepAtHand(done);
  const body: Partial<Record<FirstStep, ReactNode>> = {
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
      <Choose
        server={server.slug}
        look={() => look.mutate({ params: { path: { id: server.slug } } })}
        looking={look.isPending}
        failed={look.error}
      />
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
    call: grant && <Watch key={grant.id} grant={grant} token={made?.token} />,
  };
  return (
    <Asked query={servers}>
      {() => (
        <Asked query={grants}>
          {() => (
            <Stack>
              {STEPS.map((step, at) => (
                <section key={step} className="cs-panel" aria-label={w.steps[step]}>
                  <Group justify="space-between">
                    <Title order={2} size="h4">{`${at + 1}. ${w.steps[step]}`}</Title>
                    <Text size="sm" c="dimmed">
                      {done[step] ? `✓ ${w.done}` : step === now ? w.now : w.later}
                    </Text>
                  </Group>
                  {/* A grant that was made before has its token elsewhere: another can be made here. */}
                  {(step === now ||
                    (step === 'call' && now === undefined) ||
                    (step === 'grant' && now === 'call' && !made)) && (
                    <Stack mt="sm">{body[step]}</Stack>
                  )}
                  {step === 'server' && server && (
                    <Text size="sm">{w.serverExists(server.name)}</Text>
                  )}
                </section>
              ))}
              <Go {...to.overview()}>{w.dismiss}</Go>
            </Stack>
          )}
        </Asked>
      )}
    </Asked>
  );
}

/** A template, shown as a table of tools before anything is published. */
function Choose({
  server,
  look,
  looking,
  failed,
}: {
  server: string;
  /** Asks the server again for its tools. */
  look: () => void;
  looking: boolean;
  failed: unknown;
}) {
  const queries = useQueryClient();
  const [name, setName] = useState(`${server}-first`);
  const [kind, setKind] = useState<Template>('readOnly');
  const { tools, pending, error } = useKnownTools(server);
  const wrong: unknown = failed ?? error;
  const none = !pending && !looking && wrong === null && tools.length === 0;
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
      {none && <Text size="sm">{w.noTools(server)}</Text>}
      {wrong !== null && <ProblemView error={wrong} />}
      {(none || wrong !== null) && (
        <Group>
          <Button variant="default" loading={looking} onClick={look}>
            {w.lookAgain}
          </Button>
        </Group>
      )}
      {publish.error && <ProblemView error={publish.error} />}
      <Group>
        <Button
          loading={publish.isPending || pending || looking}
          disabled={error !== null}
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

/** The first calls of a grant as they come. Its token is here only in the page that made it. */
function Watch({ grant, token }: { grant: Schemas['GrantOut']; token: string | null | undefined }) {
  const calls = api.useQuery(
    'get',
    '/api/v1/calls',
    { params: { query: { grant: grant.id, limit: 50 } } },
    { refetchInterval: 1_500, staleTime: 0 },
  );
  const items = [...(calls.data?.items ?? [])].reverse();
  const denied = items.some((call) => call.decision === 'denied');
  const { shown, line } = useToken(token ?? '');
  const allowed = items.some((call) => call.decision === 'allowed');
  return (
    <>
      <Text size="sm">{w.callAbout}</Text>
      {token ? (
        <>
          <Text size="sm" fw={600} c="var(--cs-waiting)">
            {t.grants.token.once}
          </Text>
          {line}
          <Snippets grant={grant} token={token} shown={shown} />
          <FromTerminal grant={grant} token={token} shown={shown} />
          <Leaving unsaved={items.length === 0} />
        </>
      ) : (
        <Text size="sm">
          {w.tokenGone(grant.label)} <Go {...to.grant(grant.id)}>{w.tokenRotate}</Go>
        </Text>
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
      {items.length > 0 && <Go {...to.logs({ grant: grant.label })}>{w.toLogs}</Go>}
    </>
  );
}

/** A call that passes and one that does not, for a terminal: whoever has no client yet sees both. */
function FromTerminal({
  grant,
  token,
  shown,
}: {
  grant: Schemas['GrantOut'];
  token: string;
  shown: string;
}) {
  const reach = grant.servers[0];
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
          text={curl(reach.gateway_url, shown, passes.name)}
          copied={curl(reach.gateway_url, token, passes.name)}
          label={w.passes(passes.name)}
          titled
        />
      )}
      {stops && (
        <Snippet
          text={curl(reach.gateway_url, shown, stops.name)}
          copied={curl(reach.gateway_url, token, stops.name)}
          label={w.stops(stops.name)}
          titled
        />
      )}
    </>
  );
}
