// A credential that is an OAuth client: the authorization server is asked for first, then the client is
// named, described or made there. Secrets are held by their fields alone.
import {
  Alert,
  Button,
  Checkbox,
  Group,
  NativeSelect,
  PasswordInput,
  Radio,
  Stack,
  Text,
  Textarea,
  TextInput,
} from '@mantine/core';
import { type FormEvent, type ReactNode, useState } from 'react';
import { api, type Schemas } from '../../../api/client';
import { credentials as c } from '../../../text/credentials';
import { Snippet } from '../../../ui/bits';
import { ProblemView } from '../../../ui/ProblemView';

type Grant = 'authorization_code' | 'client_credentials';
type Client = keyof typeof c.clients;
type Proof = keyof typeof c.provesBy;
type Found = Schemas['OAuthDiscovered'];

interface Props {
  slug: string;
  grant: Grant;
  send: (body: { oauth: Schemas['OAuthClientIn'] }) => void;
  children: ReactNode;
}

const words = (text: string): string[] => text.split(/\s+/).filter(Boolean);

export function OAuthForm({ slug, grant, send, children }: Props) {
  const consent = grant === 'authorization_code';
  const discover = api.useMutation('post', '/api/v1/servers/{id}/credential/discover');
  const found = discover.data;
  const [client, setClient] = useState<Client>('automatic');
  const [proof, setProof] = useState<Proof>(consent ? 'nothing' : 'secret');
  const made = !consent || client === 'made';
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const given = new FormData(event.currentTarget);
    const text = (name: string) => String(given.get(name) ?? '').trim();
    const scopes = words(text('scopes'));
    send({
      oauth: {
        grant,
        per_identity: given.get('each') !== null,
        ...(text('issuer') ? { issuer: text('issuer') } : {}),
        ...(scopes.length > 0 ? { scopes } : {}),
        ...(made ? { client_id: text('client_id') } : {}),
        ...(made && proof === 'secret' ? { client_secret: String(given.get('secret') ?? '') } : {}),
        ...(made && proof === 'secret' && text('method') ? { auth_method: text('method') } : {}),
        ...(made && proof === 'key' ? { private_key: String(given.get('key') ?? '') } : {}),
        ...(consent && client === 'document' ? { client_document: text('document') } : {}),
      },
    });
  };
  return (
    <form onSubmit={submit} autoComplete="off">
      <Stack gap="sm" maw={640}>
        <Stack gap="xs">
          <Text size="sm" c="dimmed">
            {c.discoverAbout}
          </Text>
          <Group>
            <Button
              variant="default"
              loading={discover.isPending}
              onClick={() => discover.mutate({ params: { path: { id: slug } } })}
            >
              {c.discover}
            </Button>
          </Group>
          <div role="status">
            {found && <Text size="sm">{c.found(found.issuer)}</Text>}
            {found && consent && !found.takes_consent && (
              <Alert color="yellow" variant="outline" mt="xs">
                {c.noConsent}
              </Alert>
            )}
          </div>
          {discover.error && <ProblemView error={discover.error} />}
        </Stack>
        {consent && (
          <Radio.Group
            label={c.client}
            value={client}
            onChange={(value) => setClient(value as Client)}
          >
            <Stack gap="xs" mt={4}>
              {(Object.keys(c.clients) as Client[]).map((name) => (
                <Radio
                  key={name}
                  value={name}
                  label={c.clients[name]}
                  description={name === 'automatic' ? automatic(found) : undefined}
                />
              ))}
            </Stack>
          </Radio.Group>
        )}
        {consent && client === 'document' && (
          <TextInput name="document" type="url" label={c.documentLabel} required />
        )}
        {made && (
          <>
            {consent && found && (
              <>
                <Text size="sm">{c.redirect}</Text>
                <Snippet text={found.redirect_uri} label={c.redirect} />
              </>
            )}
            <TextInput name="client_id" label={c.clientIdLabel} required autoComplete="off" />
            <NativeSelect
              label={c.proves}
              value={proof}
              onChange={(event) => setProof(event.currentTarget.value as Proof)}
              data={(Object.keys(c.provesBy) as Proof[])
                .filter((name) => consent || name !== 'nothing')
                .map((value) => ({ value, label: c.provesBy[value] }))}
            />
            {proof === 'secret' && (
              <>
                <PasswordInput
                  name="secret"
                  label={c.secret}
                  description={c.valueHint}
                  required
                  autoComplete="off"
                />
                <NativeSelect
                  name="method"
                  label={c.authMethod}
                  data={Object.entries(c.authMethods).map(([value, label]) => ({ value, label }))}
                />
              </>
            )}
            {proof === 'key' && (
              <Textarea
                name="key"
                label={c.privateKey}
                description={c.privateKeyHint}
                required
                autosize
                minRows={4}
                autoComplete="off"
                spellCheck={false}
              />
            )}
          </>
        )}
        <TextInput
          name="scopes"
          label={c.scopesLabel}
          description={c.scopesHint}
          placeholder={found?.scopes.join(' ')}
          autoComplete="off"
        />
        <TextInput
          name="issuer"
          label={c.issuerLabel}
          description={c.issuerHint}
          placeholder={found?.issuer}
          autoComplete="off"
        />
        {consent && <Checkbox name="each" label={c.each} description={c.eachHint} />}
        {children}
      </Stack>
    </form>
  );
}

/** What finding or making a client comes to at this authorization server. */
function automatic(found: Found | undefined): string {
  if (!found) return c.automatic.unasked;
  if (found.takes_documents && found.client_document)
    return c.automatic.document(found.client_document);
  return found.registers ? c.automatic.registers : c.automatic.neither;
}
