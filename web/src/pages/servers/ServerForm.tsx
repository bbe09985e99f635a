// Adds a server, by its address or from the catalogue, and says what the first look found.
import {
  Alert,
  Button,
  Group,
  NativeSelect,
  Stack,
  Text,
  Textarea,
  TextInput,
} from '@mantine/core';
import { useForm } from '@mantine/form';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api, type Schemas } from '../../api/client';
import { to } from '../../app/links';
import { t } from '../../text';
import { Go } from '../../ui/bits';
import { ProblemView } from '../../ui/ProblemView';

const f = t.servers.form;

export const linesOf = (text: string): string[] =>
  text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');

export function ServerForm({ done }: { done?: (made: Schemas['Refreshed']) => void }) {
  const queries = useQueryClient();
  const [entry, setEntry] = useState<Schemas['CatalogueEntry']>();
  const catalogue = api.useQuery('get', '/api/v1/catalogue', {}, { staleTime: Infinity });
  const known = catalogue.data?.items ?? [];
  const form = useForm({ initialValues: { slug: '', url: '', targets: '' } });
  const add = api.useMutation('post', '/api/v1/servers', {
    onSuccess: (made) => {
      void queries.invalidateQueries({ queryKey: ['get', '/api/v1/servers'] });
      done?.(made);
    },
  });
  const send = form.onSubmit(({ slug, url, targets }) =>
    add.mutate({ body: { slug, url, private_targets: linesOf(targets) } }),
  );
  if (add.data) {
    const { server, tools, problem } = add.data;
    return (
      <Stack>
        {tools && <Text>{f.found(tools.found)}</Text>}
        {problem && (
          <Alert color="yellow" title={f.problem}>
            {problem}
          </Alert>
        )}
        <Group>
          <Go {...to.server(server.slug, 'credential')}>{f.toCredential}</Go>
          <Go {...to.server(server.slug)}>{f.toTools}</Go>
        </Group>
      </Stack>
    );
  }
  return (
    <form onSubmit={send}>
      <Stack gap="sm">
        <NativeSelect
          label={f.catalogue}
          data={[
            { value: '', label: f.own },
            ...known.map(({ slug, name }) => ({ value: slug, label: name })),
          ]}
          value={entry?.slug ?? ''}
          onChange={({ currentTarget: { value } }) => {
            const found = known.find(({ slug }) => slug === value);
            setEntry(found);
            if (found) form.setValues({ url: found.url, slug: found.slug });
            // What somebody typed stays; what the catalogue filled in goes with the choice.
            else if (form.values.url === entry?.url) form.setValues({ url: '', slug: '' });
          }}
        />
        {entry && <Text size="sm">{f.signIn[entry.sign_in](entry.name)}</Text>}
        <TextInput
          label={f.url}
          description={f.urlHint}
          type="url"
          required
          data-autofocus
          {...form.getInputProps('url')}
        />
        <TextInput
          label={f.slug}
          description={f.slugHint}
          required
          {...form.getInputProps('slug')}
        />
        <Textarea
          label={f.private}
          description={f.privateHint}
          autosize
          minRows={1}
          {...form.getInputProps('targets')}
        />
        {add.error && <ProblemView error={add.error} />}
        <Group>
          <Button type="submit" loading={add.isPending}>
            {f.go}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
