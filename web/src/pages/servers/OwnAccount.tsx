// Where an agent's link leads: the person's own account at a server, what connecting it means, and what
// became of it when they come back from the authorization server.
import { Alert, Group, List, Stack, Text } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { type ReactNode, useState } from 'react';
import { api, problemOf, type Schemas } from '../../api/client';
import { ALL } from '../../api/whole';
import { canOf } from '../../app/can';
import { to } from '../../app/links';
import { credentials as c, own as o } from '../../text/credentials';
import { Loading } from '../../ui/Asked';
import { Facts, Go } from '../../ui/bits';
import { Confirm } from '../../ui/Confirm';
import { Guarded } from '../../ui/Guarded';
import { Panel } from '../../ui/Page';
import { ProblemView } from '../../ui/ProblemView';
import { Word } from '../../ui/Word';
import { useConnect } from './credential/begin';
import { TokenFacts } from './credential/Connections';
import { standing } from './credential/state';

type Server = Schemas['ServerOut'];

/** Nothing where the server needs no account. */
export function OwnAccount({ server, result }: { server: Server; result?: string | undefined }) {
  const params = { params: { path: { id: server.slug } } };
  const query = api.useQuery('get', '/api/v1/servers/{id}/connections', params, { retry: 0 });
  if (query.isPending) return <Loading lines={3} />;
  if (query.error) {
    if (problemOf(query.error).status === 404) return null;
    return <ProblemView error={query.error} retry={() => void query.refetch()} />;
  }
  return <Account server={server} of={query.data} result={result} />;
}

interface AccountProps {
  server: Server;
  of: Schemas['ConnectionsOut'];
  result?: string | undefined;
}

function Account({ server, of, result }: AccountProps) {
  const queries = useQueryClient();
  const [ending, setEnding] = useState(false);
  const connect = useConnect();
  const disconnect = api.useMutation('post', '/api/v1/servers/{id}/disconnect', {
    onSuccess: () => {
      setEnding(false);
      void queries.invalidateQueries({ queryKey: ['get', '/api/v1/servers/{id}/connections'] });
    },
  });
  const here = of.items.find((one) => one.identity === of.yours);
  const state = here && standing(here);
  const itself = of.grant === 'client_credentials';
  const came = result ? o.results[result] : undefined;
  const params = { params: { path: { id: server.slug } } };
  const may = canOf(of.can, 'connect');
  return (
    <Panel title={of.per_identity ? o.title(server.name) : o.sharedTitle(server.name)}>
      <Stack gap="sm">
        {came && (
          <Alert
            role="status"
            variant="outline"
            color={result === 'connected' ? 'green' : 'red'}
            title={came.title}
          >
            {came.text}
          </Alert>
        )}
        <Text size="sm">
          {itself ? o.itself : of.per_identity ? o.about(of.yours) : o.sharedAbout}
        </Text>
        <Facts
          of={[
            [
              o.server,
              <span key="server">
                {server.name} · <span className="cs-mono">{server.url}</span>
              </span>,
            ],
            [o.account, of.yours || o.shared],
            [
              o.where,
              <span key="where" className="cs-mono">
                {of.issuer}
              </span>,
            ],
            [o.asked, of.scopes.join(' ') || c.noScopes],
            [
              o.state,
              <div key="state">
                {state ? (
                  <>
                    <Word kind={state.kind}>{state.text}</Word>
                    {state.why && <Text size="sm">{state.why}</Text>}
                  </>
                ) : (
                  <>
                    <Word kind="denied">{o.notConnected}</Word>
                    <Text size="sm">{o.notConnectedText}</Text>
                  </>
                )}
              </div>,
            ],
            ...(here
              ? ([[c.token, <TokenFacts key="token" of={here} />]] as [string, ReactNode][])
              : []),
          ]}
        />
        <Agents server={server} of={of} />
        {connect.error && <ProblemView error={connect.error} />}
        {!itself && (
          <Group gap="sm">
            <Guarded
              may={may}
              variant={here ? 'default' : 'filled'}
              loading={connect.isPending}
              onClick={() => connect.mutate({ ...params, body: {} })}
            >
              {here ? o.again : of.per_identity ? o.go(server.name) : o.goShared(server.name)}
            </Guarded>
            {here && (
              <Guarded
                may={canOf(here.can, 'disconnect')}
                variant="default"
                onClick={() => setEnding(true)}
              >
                {c.disconnect}
              </Guarded>
            )}
            {!may.allowed && <Text size="sm">{o.sharedNotYou}</Text>}
          </Group>
        )}
      </Stack>
      <Confirm
        open={ending}
        close={() => setEnding(false)}
        title={c.disconnectTitle(of.yours || c.sharedAccount)}
        text={c.disconnectText}
        go={c.disconnectGo}
        pending={disconnect.isPending}
        error={disconnect.error}
        onGo={() => disconnect.mutate({ ...params, body: {} })}
      />
    </Panel>
  );
}

/** The grants that act with this account, and the policy that says what each may do. */
function Agents({ server, of }: { server: Server; of: Schemas['ConnectionsOut'] }) {
  const query = api.useQuery('get', '/api/v1/grants', ALL);
  const using = (query.data?.items ?? []).flatMap((grant) => {
    const reach = grant.servers.find((one) => one.server.id === server.id);
    const theirs = !of.per_identity || grant.identity === of.yours;
    return reach && theirs && grant.state !== 'revoked' ? [{ grant, policy: reach.policy }] : [];
  });
  return (
    <div>
      <Text size="sm" fw={600}>
        {o.agents}
      </Text>
      {query.error && <ProblemView error={query.error} />}
      {query.data && using.length === 0 && <Text size="sm">{o.noAgents}</Text>}
      <List size="sm">
        {using.map(({ grant, policy }) => (
          <List.Item key={grant.id}>
            <Go {...to.grant(grant.id)}>{grant.label}</Go>{' '}
            {policy ? (
              <>
                {o.under} <Go {...to.policy(policy.name)}>{policy.name}</Go>
              </>
            ) : (
              o.noPolicy
            )}
            {grant.state !== 'active' && ` (${o.stopped(grant.state)})`}
            {grant.expired && ` (${o.stopped(o.expired)})`}
          </List.Item>
        ))}
      </List>
    </div>
  );
}
