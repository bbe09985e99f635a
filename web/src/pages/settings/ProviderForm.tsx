// An identity provider, made or changed. All fields are written; the secret only when it is given.
import {
  Button,
  Checkbox,
  Group,
  NativeSelect,
  PasswordInput,
  Stack,
  Text,
  Textarea,
  TextInput,
} from '@mantine/core';
import { type FormEvent, useState } from 'react';
import { api, http, type Schemas } from '../../api/client';
import { ifMatch } from '../../app/etag';
import { beside } from '../../lib/beside';
import { readPairs, writePairs } from '../../lib/pairs';
import { account as a } from '../../text/account';
import { can } from '../../text/shell';
import { Snippet } from '../../ui/bits';
import { type Apart, Theirs } from '../../ui/Theirs';

type Role = Schemas['RoleName'];
const ROLES: Role[] = ['viewer', 'policy_manager', 'admin'];

interface Props {
  provider: Schemas['ProviderOut'] | undefined;
  done: () => void;
}

const valuesOf = (provider: Schemas['ProviderOut'] | undefined) => ({
  slug: provider?.slug ?? '',
  name: provider?.name ?? '',
  issuer: provider?.issuer ?? '',
  clientId: provider?.client_id ?? '',
  secret: '',
  scopes: provider?.scopes.join(' ') ?? '',
  groupsClaim: provider?.groups_claim ?? '',
  roles: writePairs(provider?.roles ?? {}),
  groups: writePairs(provider?.groups ?? {}),
  defaultRole: provider?.default_role ?? '',
  trust: provider?.trust_email ?? false,
  enabled: provider?.enabled ?? true,
});

/** What each field is called on the form. */
const NAMES: Record<keyof Values, string> = {
  ...a,
  trust: a.trustEmail,
};

type Values = ReturnType<typeof valuesOf>;
type Words = { [name in keyof Values]: Values[name] extends string ? name : never }[keyof Values];

export function ProviderForm({ provider: first, done }: Props) {
  const [provider, setProvider] = useState(first);
  const [given, setGiven] = useState(() => valuesOf(first));
  const [apart, setApart] = useState<Apart[]>();
  const [wrong, setWrong] = useState('');
  const create = api.useMutation('post', '/api/v1/identity-providers', { onSuccess: done });
  const update = api.useMutation('put', '/api/v1/identity-providers/{id}', { onSuccess: done });
  const field = (name: Words) => ({
    value: given[name],
    onChange: (event: { currentTarget: { value: string } }) =>
      setGiven({ ...given, [name]: event.currentTarget.value }),
  });
  const send = (event: FormEvent) => {
    event.preventDefault();
    const [roles, groups] = [readPairs(given.roles), readPairs(given.groups)];
    if ('wrong' in roles) return setWrong(roles.wrong);
    if ('wrong' in groups) return setWrong(groups.wrong);
    setWrong('');
    const body: Schemas['ProviderIn'] = {
      slug: given.slug,
      name: given.name || null,
      issuer: given.issuer,
      client_id: given.clientId,
      ...(given.secret ? { client_secret: given.secret } : {}),
      scopes: given.scopes.split(/\s+/).filter(Boolean),
      groups_claim: given.groupsClaim || null,
      // A role that there is not is refused by the server, with its name.
      roles: roles.pairs as Record<string, Role>,
      groups: groups.pairs,
      default_role: (given.defaultRole || null) as Role | null,
      trust_email: given.trust,
      private_targets: provider?.private_targets ?? [],
      enabled: given.enabled,
    };
    if (!provider) create.mutate({ body });
    else
      update.mutate({
        params: { path: { id: provider.id }, header: { 'If-Match': ifMatch(provider.revision) } },
        body,
      });
  };
  const load = async () => {
    if (!provider) return;
    const { data } = await http.GET('/api/v1/identity-providers/{id}', {
      params: { path: { id: provider.id } },
    });
    if (!data) return;
    const theirs = valuesOf(data);
    const merged = beside(valuesOf(provider), given, theirs);
    const said = (value: string | boolean) =>
      value === true ? a.on : value === false ? a.off : value;
    // Theirs is never told, and what is typed is never shown beside it.
    const told = merged.apart.filter((name) => name !== 'secret');
    setApart(told.map((name) => [NAMES[name], said(theirs[name]), said(given[name])]));
    setGiven(merged.kept);
    setProvider(data);
    update.reset();
  };
  const error: unknown = create.error ?? update.error;
  return (
    <form onSubmit={send}>
      <Stack gap="sm">
        <TextInput
          label={a.slug}
          description={a.slugHint}
          required
          disabled={provider !== undefined}
          {...field('slug')}
        />
        <TextInput label={a.name} {...field('name')} />
        <TextInput label={a.issuer} description={a.issuerHint} required {...field('issuer')} />
        <TextInput label={a.clientId} required {...field('clientId')} />
        <PasswordInput
          label={a.secret}
          description={provider?.has_secret ? a.secretKept : a.secretHint}
          autoComplete="off"
          {...field('secret')}
        />
        <TextInput label={a.scopes} description={a.scopesHint} {...field('scopes')} />
        <TextInput label={a.groupsClaim} placeholder="groups" {...field('groupsClaim')} />
        <Textarea
          label={a.roles}
          description={a.rolesHint}
          autosize
          minRows={2}
          {...field('roles')}
        />
        <Textarea
          label={a.groups}
          description={a.groupsHint}
          autosize
          minRows={2}
          {...field('groups')}
        />
        <NativeSelect
          label={a.defaultRole}
          data={[
            { value: '', label: a.noDefault },
            ...ROLES.map((value) => ({ value, label: can.role(value) })),
          ]}
          {...field('defaultRole')}
        />
        <Checkbox
          label={a.trustEmail}
          description={a.trustEmailHint}
          checked={given.trust}
          onChange={(event) => setGiven({ ...given, trust: event.currentTarget.checked })}
        />
        <Checkbox
          label={a.enabled}
          checked={given.enabled}
          onChange={(event) => setGiven({ ...given, enabled: event.currentTarget.checked })}
        />
        <Text size="sm">{a.comeBack}</Text>
        <Snippet text={`${location.origin}/api/v1/sign-in/oidc/callback`} label={a.comeBack} />
        {wrong && (
          <Text size="sm" role="alert" c="var(--cs-denied)">
            {a.badLine(wrong)}
          </Text>
        )}
        <Theirs error={error} load={load} apart={apart} />
        <Group>
          <Button type="submit" loading={create.isPending || update.isPending}>
            {a.save}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
