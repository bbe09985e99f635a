// Channels: where people outside are told of calls that wait, and what became of the last message.
import { Alert, Button, Group, Modal, Stack, Text } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { type ReactNode, useState } from 'react';
import { api, type Schemas } from '../api/client';
import { ALL } from '../api/whole';
import { useCan } from '../app/can';
import { ifMatch } from '../app/etag';
import { to } from '../app/links';
import { channels as c } from '../text/channels';
import { shell, states } from '../text/shell';
import { Asked, Empty } from '../ui/Asked';
import { Facts, Go } from '../ui/bits';
import { Confirm } from '../ui/Confirm';
import { Guarded } from '../ui/Guarded';
import { Page, Panel } from '../ui/Page';
import { ProblemView } from '../ui/ProblemView';
import { bodyOf } from './channels/body';
import { ChannelForm } from './channels/ChannelForm';
import { Deliveries, Fate, useLast } from './channels/Deliveries';
import { KeyOnce } from './channels/KeyOnce';

type Channel = Schemas['ChannelOut'];
type Act = { what: 'change' | 'remove'; channel: Channel } | { what: 'add' };

export function Channels() {
  const may = useCan();
  const queries = useQueryClient();
  const navigate = useNavigate();
  const { channel: chosen } = useSearch({ from: '/inside/settings/channels' });
  const query = api.useQuery('get', '/api/v1/channels', ALL);
  const [act, setAct] = useState<Act>();
  const [made, setMade] = useState<Schemas['ChannelMade']>();
  const changed = () => {
    setAct(undefined);
    void queries.invalidateQueries({ queryKey: ['get', '/api/v1/channels'] });
  };
  const remove = api.useMutation('delete', '/api/v1/channels/{id}', { onSuccess: changed });
  const done = (answer: Schemas['ChannelMade']) => {
    changed();
    // A key is shown when one was made: a new channel's, or that of another way of signing.
    const before = query.data?.items.find((one) => one.id === answer.channel.id);
    const fresh = answer.channel.public_key && answer.channel.public_key !== before?.public_key;
    if (answer.secret || fresh) setMade(answer);
  };
  const add = (
    <Guarded may={may('channels_create')} onClick={() => setAct({ what: 'add' })}>
      {c.add}
    </Guarded>
  );
  return (
    <Page
      title={c.title}
      above={<Go {...to.settings()}>{shell.pages.settings}</Go>}
      about={c.about}
      actions={add}
    >
      {made && <KeyOnce made={made} done={() => setMade(undefined)} />}
      <Asked query={query}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty title={c.empty} text={c.emptyText}>
              {add}
            </Empty>
          ) : (
            <Stack>
              {items.map((one) => (
                <One
                  key={one.id}
                  channel={one}
                  open={chosen === one.name}
                  act={setAct}
                  messages={(open) => void navigate(to.channels(open ? one.name : undefined))}
                />
              ))}
            </Stack>
          )
        }
      </Asked>
      <Modal
        opened={act?.what === 'add' || act?.what === 'change'}
        onClose={() => setAct(undefined)}
        size="lg"
        title={act?.what === 'change' ? c.changeTitle(act.channel.name) : c.add}
        closeButtonProps={{ 'aria-label': states.close }}
      >
        {act?.what === 'add' && <ChannelForm done={done} />}
        {act?.what === 'change' && <ChannelForm channel={act.channel} done={done} />}
      </Modal>
      {act?.what === 'remove' && (
        <Confirm
          open
          close={() => setAct(undefined)}
          title={c.removeTitle(act.channel.name)}
          text={c.removeText}
          typed={act.channel.name}
          go={c.removeGo(act.channel.name)}
          pending={remove.isPending}
          error={remove.error}
          onGo={() => remove.mutate({ params: { path: { id: act.channel.id } } })}
        />
      )}
    </Page>
  );
}

/** Where its messages go. Slack's address is a secret. */
function goesTo({ url, smtp }: Channel): string {
  if (smtp) return c.mailTo(smtp.to.join(', '), smtp.host);
  return url ?? c.slackTo;
}

function tellsOf({ events }: Channel): string {
  if (events.length === 0) return c.nothing;
  if (events.length === Object.keys(c.events).length) return c.everything;
  return events.map((name) => c.events[name] ?? name).join(', ');
}

interface OneProps {
  channel: Channel;
  /** Whether its messages are shown. */
  open: boolean;
  act: (act: Act) => void;
  messages: (open: boolean) => void;
}

function One({ channel, open, act, messages }: OneProps) {
  const may = useCan();
  const queries = useQueryClient();
  const last = useLast(channel.id);
  const newest = last.data?.items[0];
  const test = api.useMutation('post', '/api/v1/channels/{id}/test', {
    onSuccess: () =>
      void queries.invalidateQueries({ queryKey: ['get', '/api/v1/channels/{id}/deliveries'] }),
  });
  const turn = api.useMutation('put', '/api/v1/channels/{id}', {
    onSuccess: () => void queries.invalidateQueries({ queryKey: ['get', '/api/v1/channels'] }),
  });
  const tested = test.data && newest?.message === test.data.message ? newest : test.data;
  return (
    <Panel
      title={channel.name}
      aside={
        <Text size="sm" c="dimmed">
          {c.kinds[channel.kind] ?? channel.kind} · {channel.enabled ? c.on : c.off}
        </Text>
      }
    >
      <Stack gap="sm">
        <Facts
          of={[
            [c.columns.to, goesTo(channel)],
            [c.columns.tells, tellsOf(channel)],
            [
              c.columns.last,
              <div key="last">
                {last.error ? (
                  states.none
                ) : !last.data ? (
                  '…'
                ) : newest ? (
                  <Fate of={newest} />
                ) : (
                  c.never
                )}
              </div>,
            ],
            ...(channel.public_key
              ? ([
                  [
                    c.publicKey,
                    <span key="public" className="cs-mono">
                      {channel.public_key}
                    </span>,
                  ],
                ] as [string, ReactNode][])
              : []),
          ]}
        />
        <div role="status">{tested && <Tested of={tested} />}</div>
        {test.error && <ProblemView error={test.error} />}
        {turn.error && <ProblemView error={turn.error} />}
        <Group gap="sm">
          <Guarded
            may={may('channels_test')}
            not={!channel.enabled && c.testOff}
            size="xs"
            loading={test.isPending}
            onClick={() => test.mutate({ params: { path: { id: channel.id } } })}
          >
            {c.test}
          </Guarded>
          <Button size="xs" variant="default" aria-expanded={open} onClick={() => messages(!open)}>
            {c.messages}
          </Button>
          <Guarded
            may={may('channels_update')}
            size="xs"
            variant="default"
            onClick={() => act({ what: 'change', channel })}
          >
            {c.change}
          </Guarded>
          <Guarded
            may={may('channels_update')}
            size="xs"
            variant="default"
            loading={turn.isPending}
            onClick={() =>
              turn.mutate({
                params: {
                  path: { id: channel.id },
                  header: { 'If-Match': ifMatch(channel.revision) },
                },
                body: bodyOf(channel, { enabled: !channel.enabled }),
              })
            }
          >
            {channel.enabled ? c.switchOff : c.switchOn}
          </Guarded>
          <Guarded
            may={may('channels_delete')}
            size="xs"
            variant="default"
            onClick={() => act({ what: 'remove', channel })}
          >
            {c.remove}
          </Guarded>
        </Group>
        {open && (
          <Deliveries
            channel={channel}
            aside={
              <Button size="xs" variant="default" onClick={() => messages(false)}>
                {c.hideMessages}
              </Button>
            }
          />
        )}
      </Stack>
    </Panel>
  );
}

/** What became of the test message that was just sent. */
function Tested({ of }: { of: Schemas['DeliveryOut'] }) {
  if (of.state === 'delivered')
    return (
      <Alert variant="outline" color="green">
        {c.tested}
      </Alert>
    );
  if (of.state === 'dead' || of.attempts > 0)
    return (
      <Alert variant="outline" color="red" title={c.testFailed}>
        {of.told}
      </Alert>
    );
  return <Text size="sm">{c.testing}</Text>;
}
