// A token that was just made: shown once, in this state of this page alone, and then only its traces.
import { Button, Checkbox, Group, Stack, Text } from '@mantine/core';
import { useState } from 'react';
import { api, type Schemas } from '../../api/client';
import { to } from '../../app/links';
import { t } from '../../text';
import { Copy, Go } from '../../ui/bits';
import { Panel } from '../../ui/Page';
import { kindOfCall, Word } from '../../ui/Word';
import { Snippets } from './Snippets';

interface Props {
  made: Schemas['GrantMade'];
  title: string;
  done: () => void;
}

export function TokenOnce({ made, title, done }: Props) {
  const [shown, setShown] = useState(false);
  const [stored, setStored] = useState(false);
  const { grant, token } = made;
  if (!token) {
    return (
      <Panel title={title}>
        <Stack align="flex-start">
          <Text>{made.note ?? t.grants.token.again}</Text>
          <Button onClick={done}>{t.grants.token.done}</Button>
        </Stack>
      </Panel>
    );
  }
  return (
    <Panel title={title}>
      <Stack>
        <Group gap="sm" wrap="nowrap">
          <code className="cs-mono" data-token style={{ minWidth: 0 }}>
            {shown ? token : `${token.slice(0, 8)}…`}
          </code>
          <Button size="xs" variant="default" onClick={() => setShown(!shown)}>
            {shown ? t.grants.token.hide : t.grants.token.show}
          </Button>
          <Copy value={token} />
        </Group>
        <Text size="sm" c="var(--cs-waiting)" fw={600}>
          {t.grants.token.once}
        </Text>
        <Text size="sm">{t.grants.token.give}</Text>
        <Snippets grant={grant} token={token} />
        <FirstCall grant={grant} />
        <Checkbox
          label={t.grants.token.stored}
          checked={stored}
          onChange={(event) => setStored(event.currentTarget.checked)}
        />
        <Group>
          <Button disabled={!stored} onClick={done}>
            {t.grants.token.done}
          </Button>
        </Group>
      </Stack>
    </Panel>
  );
}

/** Fills in as the first call arrives. */
export function FirstCall({ grant }: { grant: Schemas['GrantOut'] }) {
  const query = api.useQuery(
    'get',
    '/api/v1/calls',
    { params: { query: { grant: grant.id, limit: 1 } } },
    { refetchInterval: 2_000, staleTime: 0 },
  );
  const call = query.data?.items[0];
  return (
    <Text size="sm" role="status">
      {call ? (
        <>
          {t.grants.token.first} <Word kind={kindOfCall(call)} />{' '}
          <Go {...to.call(call.id, { grant: grant.label })}>{call.tool ?? call.method}</Go>{' '}
          <span className="cs-mono">{call.rule}</span>
        </>
      ) : (
        t.grants.token.waiting
      )}
    </Text>
  );
}
