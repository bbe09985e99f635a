// The accounts that are connected at a server, one for all or one for each identity of grants.
import { Button, Group, Modal, NativeSelect, Stack, Table, Text, TextInput } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { api, type Schemas } from '../../../api/client';
import { canOf } from '../../../app/can';
import { credentials as c } from '../../../text/credentials';
import { states } from '../../../text/shell';
import { Asked } from '../../../ui/Asked';
import { At } from '../../../ui/bits';
import { Confirm } from '../../../ui/Confirm';
import { Guarded } from '../../../ui/Guarded';
import { Panel } from '../../../ui/Page';
import { ProblemView } from '../../../ui/ProblemView';
import { Word } from '../../../ui/Word';
import { useConnect } from './begin';
import { standing } from './state';

type Connection = Schemas['ConnectionOut'];

/** Where each identity has its own, the one of nobody looks at the server. */
const nameOf = (identity: string, perIdentity: boolean): string =>
  identity || (perIdentity ? c.listing : c.sharedAccount);

export function Connections({ slug }: { slug: string }) {
  const queries = useQueryClient();
  const params = { params: { path: { id: slug } } };
  const query = api.useQuery('get', '/api/v1/servers/{id}/connections', params);
  const [ending, setEnding] = useState<Connection>();
  const [adding, setAdding] = useState(false);
  const connect = useConnect();
  const disconnect = api.useMutation('post', '/api/v1/servers/{id}/disconnect', {
    onSuccess: () => {
      setEnding(undefined);
      void queries.invalidateQueries({ queryKey: ['get', '/api/v1/servers/{id}/connections'] });
    },
  });
  const named = (identity: string) => ({
    ...params,
    body: query.data?.per_identity ? { identity } : {},
  });
  const begin = (identity: string) => connect.mutate(named(identity));
  return (
    <Asked query={query} lines={2}>
      {({ items, grant, per_identity, can }) => {
        const itself = grant === 'client_credentials';
        const about = itself ? 'itself' : per_identity ? 'own' : 'shared';
        const add = !itself && (per_identity || items.length === 0) && (
          <Guarded
            may={canOf(can, 'connect')}
            size="xs"
            loading={connect.isPending}
            onClick={() => (per_identity ? setAdding(true) : begin(''))}
          >
            {c.connectNow}
          </Guarded>
        );
        return (
          <Panel title={c.connections} aside={add}>
            <Stack gap="sm">
              <Text size="sm" c="dimmed">
                {c.connectionsAbout[about]}
              </Text>
              {connect.error && !adding && <ProblemView error={connect.error} />}
              {items.length === 0 ? (
                <div>
                  <Text size="sm" fw={600}>
                    {c.noConnections}
                  </Text>
                  <Text size="sm">{c.noConnectionsText}</Text>
                </div>
              ) : (
                <List
                  items={items}
                  itself={itself}
                  name={(identity) => nameOf(identity, per_identity)}
                  begin={begin}
                  end={setEnding}
                />
              )}
            </Stack>
            <Modal
              opened={adding}
              onClose={() => setAdding(false)}
              title={c.connectNow}
              closeButtonProps={{ 'aria-label': states.close }}
            >
              {adding && <Add pending={connect.isPending} error={connect.error} begin={begin} />}
            </Modal>
            {ending && (
              <Confirm
                open
                close={() => setEnding(undefined)}
                title={c.disconnectTitle(nameOf(ending.identity, per_identity))}
                text={c.disconnectText}
                go={c.disconnectGo}
                pending={disconnect.isPending}
                error={disconnect.error}
                onGo={() => disconnect.mutate(named(ending.identity))}
              />
            )}
          </Panel>
        );
      }}
    </Asked>
  );
}

function List({
  items,
  itself,
  name,
  begin,
  end,
}: {
  items: Connection[];
  itself: boolean;
  name: (identity: string) => string;
  begin: (identity: string) => void;
  end: (connection: Connection) => void;
}) {
  return (
    <Table.ScrollContainer minWidth={680} type="native" pos="relative" tabIndex={0}>
      <Table aria-label={c.connections} verticalSpacing="sm">
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{c.account}</Table.Th>
            <Table.Th>{c.state}</Table.Th>
            <Table.Th>{c.token}</Table.Th>
            <Table.Th>{c.connected}</Table.Th>
            <Table.Th>
              <span className="cs-unseen">{c.disconnect}</span>
            </Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {items.map((one) => {
            const { kind, text, why } = standing(one);
            return (
              <Table.Tr key={one.identity}>
                <Table.Td>{name(one.identity)}</Table.Td>
                <Table.Td maw={260}>
                  <Word kind={kind}>{text}</Word>
                  {why && <Text size="xs">{why}</Text>}
                </Table.Td>
                <Table.Td>
                  <TokenFacts of={one} />
                </Table.Td>
                <Table.Td>
                  <At at={one.connected_at} as="distance" /> {c.by} {one.connected_by}
                </Table.Td>
                <Table.Td>
                  {!itself && (
                    <Group gap="xs" wrap="nowrap" justify="flex-end">
                      <Guarded
                        may={canOf(one.can, 'connect')}
                        size="xs"
                        variant="default"
                        onClick={() => begin(one.identity)}
                      >
                        {c.connectAgain}
                      </Guarded>
                      <Guarded
                        may={canOf(one.can, 'disconnect')}
                        size="xs"
                        variant="default"
                        onClick={() => end(one)}
                      >
                        {c.disconnect}
                      </Guarded>
                    </Group>
                  )}
                </Table.Td>
              </Table.Tr>
            );
          })}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

/** When the present token ends, when it was got, and what seals it. */
export function TokenFacts({ of }: { of: Connection }) {
  const sealed = of.key_version !== null && of.key_version !== undefined;
  if (!sealed) return states.none;
  return (
    <Text size="xs" component="div">
      <div>
        {c.ends}: {of.expires_at ? <At at={of.expires_at} as="distance" /> : c.noEnd}
        {of.expires_at && `, ${of.renews ? c.renews : c.notRenewed}`}
      </div>
      <div>
        {c.refreshed}: {of.refreshed_at ? <At at={of.refreshed_at} as="distance" /> : states.none}
      </div>
      <div>
        {c.keyVersion} {of.key_version}
      </div>
    </Text>
  );
}

function Add({
  pending,
  error,
  begin,
}: {
  pending: boolean;
  error: unknown;
  begin: (identity: string) => void;
}) {
  const me = api.useQuery('get', '/api/v1/me', {});
  const [identity, setIdentity] = useState<string>();
  const [what, setWhat] = useState<keyof typeof c.connectWhats>('identity');
  const own = me.data?.member.email ?? '';
  const send = (event: FormEvent) => {
    event.preventDefault();
    begin(what === 'listing' ? '' : (identity ?? own));
  };
  return (
    <form onSubmit={send}>
      <Stack>
        <NativeSelect
          label={c.connectWhat}
          value={what}
          onChange={(event) => setWhat(event.currentTarget.value as typeof what)}
          data={Object.entries(c.connectWhats).map(([value, label]) => ({ value, label }))}
        />
        {what === 'identity' && (
          <TextInput
            label={c.connectFor}
            description={c.connectForHint}
            required
            maxLength={200}
            value={identity ?? own}
            onChange={(event) => setIdentity(event.currentTarget.value)}
            autoComplete="off"
            data-autofocus
          />
        )}
        {error !== null && error !== undefined && <ProblemView error={error} />}
        <Group justify="flex-end">
          <Button type="submit" loading={pending}>
            {c.goThere}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
