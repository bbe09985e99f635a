// Sets or replaces a credential: its kind first, then what that kind needs.
import { Button, Group, Radio, Stack, Text } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api, type Schemas } from '../../../api/client';
import { credentials as c } from '../../../text/credentials';
import { states } from '../../../text/shell';
import { ProblemView } from '../../../ui/ProblemView';
import { BearerForm, HeadersForm } from './Headers';
import { OAuthForm } from './OAuth';

type Way = keyof typeof c.ways;

interface Props {
  slug: string;
  /** The credential that is replaced, if there is one. */
  present?: Schemas['CredentialOut'] | undefined;
  close: () => void;
  /** Where nothing is set, leaving it so is one of the kinds. */
  none?: () => void;
}

export function Form({ slug, present, close, none }: Props) {
  const queries = useQueryClient();
  const [way, setWay] = useState<Way>(
    present?.oauth ? (present.oauth.grant as Way) : present ? 'headers' : 'bearer',
  );
  const set = api.useMutation('put', '/api/v1/servers/{id}/credential', {
    onSuccess: () => {
      void queries.invalidateQueries({ queryKey: ['get'] });
      close();
    },
    // A value that was sent is not kept with the request.
    gcTime: 0,
  });
  const send = (body: Schemas['CredentialIn']) =>
    set.mutate({ params: { path: { id: slug } }, body });
  const ways = (Object.keys(c.ways) as Way[]).filter((name) => name !== 'none' || none);
  const end = (
    <>
      {present && (
        <Text size="sm" c="var(--cs-waiting)">
          {present.oauth ? c.replaceWarns.oauth : c.replaceWarns.headers}
        </Text>
      )}
      {set.error && <ProblemView error={set.error} />}
      <Group>
        <Button type="submit" loading={set.isPending}>
          {c.save}
        </Button>
        <Button variant="default" onClick={close}>
          {states.cancel}
        </Button>
      </Group>
    </>
  );
  return (
    <Stack gap="md">
      <Radio.Group
        label={c.how}
        value={way}
        onChange={(value) => {
          setWay(value as Way);
          set.reset();
        }}
      >
        <Stack gap="xs" mt={4}>
          {ways.map((name) => (
            <Radio
              key={name}
              value={name}
              label={c.ways[name].label}
              description={c.ways[name].about}
            />
          ))}
        </Stack>
      </Radio.Group>
      {way === 'none' ? (
        <Group>
          <Button onClick={none}>{c.useNone}</Button>
          <Button variant="default" onClick={close}>
            {states.cancel}
          </Button>
        </Group>
      ) : way === 'bearer' ? (
        <BearerForm send={send}>{end}</BearerForm>
      ) : way === 'headers' ? (
        <HeadersForm send={send}>{end}</HeadersForm>
      ) : (
        // Anew for each kind: nothing typed for one is sent with the other.
        <OAuthForm key={way} slug={slug} grant={way} send={send}>
          {end}
        </OAuthForm>
      )}
    </Stack>
  );
}
