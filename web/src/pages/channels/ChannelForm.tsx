// A channel, made or changed. Secrets are held by their fields alone, and gone with them.
import {
  Button,
  Checkbox,
  Group,
  NativeSelect,
  PasswordInput,
  SegmentedControl,
  Stack,
  Text,
  Textarea,
  TextInput,
} from '@mantine/core';
import { type FormEvent, useRef, useState } from 'react';
import { api, http, type Schemas } from '../../api/client';
import { ifMatch } from '../../app/etag';
import { beside } from '../../lib/beside';
import { channels as c } from '../../text/channels';
import { type Apart, Theirs } from '../../ui/Theirs';

type Channel = Schemas['ChannelOut'];
type Kind = Schemas['ChannelKind'];

const KINDS: Kind[] = ['email', 'slack', 'webhook'];
const EVENTS = Object.keys(c.events);

interface Props {
  channel?: Channel | undefined;
  done: (made: Schemas['ChannelMade']) => void;
}

const lines = (text: string): string[] =>
  text
    .split(/[\n,]/)
    .map((line) => line.trim())
    .filter((line) => line !== '');

/** The fields of the form as texts; what is secret is not among them. */
const valuesOf = ({ name, kind, private_targets, url, smtp }: Channel): Record<string, string> => ({
  name,
  targets: private_targets.join('\n'),
  ...(kind === 'webhook' ? { url: url ?? '' } : {}),
  ...(smtp
    ? {
        host: smtp.host,
        port: String(smtp.port ?? ''),
        security: smtp.security,
        username: smtp.username ?? '',
        from: smtp.from,
        to: smtp.to.join('\n'),
      }
    : {}),
});

const LABELS: Record<string, string> = {
  ...{ name: c.name, targets: c.privateTargets, url: c.url, host: c.host, port: c.port },
  ...{ security: c.security, username: c.username, from: c.from, to: c.to },
};

export function ChannelForm({ channel: first, done }: Props) {
  const [channel, setChannel] = useState(first);
  const [apart, setApart] = useState<Apart[]>();
  const form = useRef<HTMLFormElement>(null);
  const [kind, setKind] = useState<Kind>((channel?.kind as Kind | undefined) ?? 'email');
  const [signing, setSigning] = useState(channel?.signing ?? 'hmac-sha256');
  const [events, setEvents] = useState<string[]>();
  const told = events ?? channel?.events ?? (kind === 'webhook' ? EVENTS : ['pending']);
  const create = api.useMutation('post', '/api/v1/channels', { onSuccess: done, gcTime: 0 });
  const update = api.useMutation('put', '/api/v1/channels/{id}', { onSuccess: done, gcTime: 0 });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const given = new FormData(event.currentTarget);
    const text = (name: string) => String(given.get(name) ?? '').trim();
    const maybe = (name: string) => text(name) || null;
    const body: Schemas['ChannelIn'] = {
      name: text('name'),
      kind,
      enabled: channel?.enabled ?? true,
      events: told,
      private_targets: lines(text('targets')),
      ...(kind === 'email' ? {} : { url: maybe('url') }),
      ...(kind === 'webhook' ? { signing: signing as Schemas['SigningName'] } : {}),
      ...(kind === 'email'
        ? {
            smtp: {
              host: text('host'),
              port: text('port') ? Number(text('port')) : null,
              security: text('security'),
              username: maybe('username'),
              ...(given.get('password') ? { password: String(given.get('password')) } : {}),
              from: text('from'),
              to: lines(text('to')),
            },
          }
        : {}),
    };
    if (channel)
      update.mutate({
        params: { path: { id: channel.id }, header: { 'If-Match': ifMatch(channel.revision) } },
        body,
      });
    else create.mutate({ body });
  };
  const load = async () => {
    if (!channel) return;
    const { data } = await http.GET('/api/v1/channels/{id}', {
      params: { path: { id: channel.id } },
    });
    if (!data) return;
    const [before, theirs] = [valuesOf(channel), valuesOf(data)];
    const fields = Object.keys(before).flatMap((name) => {
      const field = form.current?.elements.namedItem(name);
      return field instanceof Element ? [[name, field as HTMLInputElement] as const] : [];
    });
    const mine = Object.fromEntries(fields.map(([name, field]) => [name, field.value]));
    const merged = beside(before, mine, theirs);
    for (const [name, field] of fields) field.value = merged.kept[name] ?? '';
    const rows = merged.apart.map((name): Apart => [
      LABELS[String(name)] ?? String(name),
      theirs[name] ?? '',
      mine[name] ?? '',
    ]);
    const said = (names: string[]) => names.map((name) => c.events[name] ?? name).join(', ');
    if (events && said(events) !== said(data.events)) {
      rows.push([c.tells, said(data.events), said(events)]);
    }
    if (signing === channel.signing) setSigning(data.signing ?? signing);
    else if (signing !== data.signing) {
      rows.push([c.signing, data.signing ?? '', signing]);
    }
    setApart(rows);
    setChannel(data);
    update.reset();
  };
  const error: unknown = create.error ?? update.error;
  return (
    <form ref={form} onSubmit={submit} autoComplete="off">
      <Stack gap="sm">
        {!channel && (
          <div>
            <Text size="sm" id="channel-kind">
              {c.kind}
            </Text>
            <SegmentedControl
              aria-labelledby="channel-kind"
              value={kind}
              onChange={(value) => setKind(value as Kind)}
              data={KINDS.map((value) => ({ value, label: c.kinds[value] ?? value }))}
            />
          </div>
        )}
        <TextInput
          name="name"
          label={c.name}
          description={c.nameHint}
          required
          defaultValue={channel?.name}
          data-autofocus
        />
        {kind === 'email' && <MailFields of={channel} />}
        {kind === 'slack' && (
          <PasswordInput
            name="url"
            label={c.slackUrl}
            description={channel?.has_secret ? c.slackKept : c.slackUrlHint}
            required={!channel?.has_secret}
            autoComplete="off"
          />
        )}
        {kind === 'webhook' && (
          <>
            <TextInput
              name="url"
              type="url"
              label={c.url}
              description={c.urlHint}
              required
              defaultValue={channel?.url ?? ''}
            />
            <NativeSelect
              label={c.signing}
              description={channel && signing !== channel.signing ? c.signingChange : undefined}
              value={signing}
              onChange={(event) => setSigning(event.currentTarget.value)}
              data={Object.entries(c.signings).map(([value, label]) => ({ value, label }))}
            />
          </>
        )}
        <Checkbox.Group label={c.tells} value={told} onChange={setEvents}>
          <Group gap="sm" mt={4}>
            {EVENTS.map((name) => (
              <Checkbox key={name} value={name} label={c.events[name]} />
            ))}
          </Group>
        </Checkbox.Group>
        <Textarea
          name="targets"
          label={c.privateTargets}
          description={c.privateHint}
          autosize
          minRows={1}
          defaultValue={channel?.private_targets.join('\n')}
        />
        <Theirs error={error} load={load} apart={apart} />
        <Group>
          <Button type="submit" loading={create.isPending || update.isPending}>
            {channel ? c.save : c.make}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

function MailFields({ of }: { of: Channel | undefined }) {
  const smtp = of?.smtp;
  return (
    <>
      <Group gap="sm" align="flex-start">
        <TextInput
          name="host"
          label={c.host}
          required
          defaultValue={smtp?.host}
          style={{ flex: '2 1 200px' }}
        />
        <TextInput
          name="port"
          label={c.port}
          description={c.portHint}
          inputMode="numeric"
          pattern="[0-9]{1,5}"
          inputWrapperOrder={['label', 'input', 'description']}
          defaultValue={smtp?.port}
          style={{ flex: '1 1 120px' }}
        />
      </Group>
      <NativeSelect
        name="security"
        label={c.security}
        defaultValue={smtp?.security ?? 'tls'}
        data={Object.entries(c.securities).map(([value, label]) => ({ value, label }))}
      />
      <TextInput
        name="username"
        label={c.username}
        description={c.usernameHint}
        defaultValue={smtp?.username ?? ''}
        autoComplete="off"
      />
      <PasswordInput
        name="password"
        label={c.password}
        description={of?.has_secret ? c.passwordKept : c.passwordHint}
        autoComplete="off"
      />
      <TextInput name="from" label={c.from} type="email" required defaultValue={smtp?.from} />
      <Textarea
        name="to"
        label={c.to}
        description={c.toHint}
        required
        autosize
        minRows={1}
        defaultValue={smtp?.to.join('\n')}
      />
    </>
  );
}
