// The form that issues a grant.
import {
  Button,
  Group,
  NativeSelect,
  NumberInput,
  Stack,
  Textarea,
  TextInput,
} from '@mantine/core';
import { useForm } from '@mantine/form';
import { useQueryClient } from '@tanstack/react-query';
import { api, type Schemas } from '../../api/client';
import { ALL } from '../../api/whole';
import { inDays } from '../../lib/format';
import { t } from '../../text';
import { ProblemView } from '../../ui/ProblemView';

const f = t.grants.form;

/** `key=value` lines as an object; a line without `=` is left out. */
const tagsOf = (text: string): Record<string, string> =>
  Object.fromEntries(
    text
      .split('\n')
      .map((line) => line.split('=', 2).map((part) => part.trim()))
      .filter((pair): pair is [string, string] => pair.length === 2 && pair[0] !== ''),
  );

export function GrantForm({
  done,
  server,
  policy,
}: {
  done: (made: Schemas['GrantMade']) => void;
  server?: string;
  policy?: string;
}) {
  const queries = useQueryClient();
  const servers = api.useQuery('get', '/api/v1/servers', ALL);
  const policies = api.useQuery('get', '/api/v1/policies', ALL);
  const first = server ?? servers.data?.items[0]?.slug ?? '';
  const form = useForm({
    initialValues: {
      label: '',
      identity: '',
      reaches: [{ server: server ?? '', policy: policy ?? '' }],
      days: '90',
      flight: 32 as number | string,
      tags: '',
    },
  });
  const issue = api.useMutation('post', '/api/v1/grants', {
    onSuccess: (made) => {
      void queries.invalidateQueries({ queryKey: ['get', '/api/v1/grants'] });
      done(made);
    },
  });
  const send = form.onSubmit((values) => {
    const days = Number(values.days);
    issue.mutate({
      body: {
        label: values.label,
        identity: values.identity || null,
        tags: tagsOf(values.tags),
        servers: values.reaches.map((reach) => ({
          server: reach.server || first,
          policy: reach.policy || null,
        })),
        expires_at: days ? inDays(days) : null,
        in_flight_max: Number(values.flight) || null,
      },
    });
  });
  return (
    <form onSubmit={send}>
      <Stack gap="sm">
        <TextInput
          label={f.label}
          description={f.labelHint}
          required
          {...form.getInputProps('label')}
          data-autofocus
        />
        <TextInput
          label={f.identity}
          description={f.identityHint}
          {...form.getInputProps('identity')}
        />
        {form.values.reaches.map((_, at) => (
          <Group key={at} align="flex-end" gap="xs">
            <NativeSelect
              label={f.server}
              data={(servers.data?.items ?? []).map((one) => one.slug)}
              {...form.getInputProps(`reaches.${at}.server`)}
            />
            <NativeSelect
              label={f.policy}
              data={[
                { value: '', label: f.noPolicy },
                ...(policies.data?.items ?? [])
                  .filter((policy) => policy.latest > 0)
                  .map((policy) => ({
                    value: policy.name,
                    label: `${policy.name} v${policy.latest}`,
                  })),
              ]}
              {...form.getInputProps(`reaches.${at}.policy`)}
            />
            {at > 0 && (
              <Button
                size="xs"
                variant="default"
                onClick={() => form.removeListItem('reaches', at)}
              >
                {f.remove}
              </Button>
            )}
          </Group>
        ))}
        {(servers.data?.items.length ?? 0) > form.values.reaches.length && (
          <Button
            size="xs"
            variant="default"
            style={{ alignSelf: 'flex-start' }}
            onClick={() => form.insertListItem('reaches', { server: '', policy: '' })}
          >
            {f.add}
          </Button>
        )}
        <Group grow align="flex-end">
          <NativeSelect
            label={f.ends}
            data={Object.entries(f.spans).map(([value, label]) => ({ value, label }))}
            {...form.getInputProps('days')}
          />
          <NumberInput
            label={f.flight}
            min={1}
            max={10000}
            allowDecimal={false}
            {...form.getInputProps('flight')}
          />
        </Group>
        <Textarea
          label={f.tags}
          description={f.tagsHint}
          autosize
          minRows={1}
          {...form.getInputProps('tags')}
        />
        {issue.error && <ProblemView error={issue.error} />}
        <Group>
          <Button type="submit" loading={issue.isPending}>
            {f.go}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
