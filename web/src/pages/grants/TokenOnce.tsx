// A token that was just made: shown once, in this state of this page alone, and then only its traces.
import { Button, Checkbox, Group, Stack, Text } from '@mantine/core';
import { useState } from 'react';
import { api, type Schemas } from '../../api/client';
import { to } from '../../app/links';
import { t } from '../../text';
import { Copy, Go } from '../../ui/bits';
import { Leaving } from '../../ui/Leaving';
import { Panel } from '../../ui/Page';
import { kindOfCall, Word } from '../../ui/Word';
import { Snippets } from './Snippets';

interface Props {
  made: Schemas['GrantMade'];
  title: string;
  done: () => void;
}

/** A token as it stands on the screen until somebody asks for the whole of it. */
const masked = (token: string): string => `${token.slice(0, 8)}…`;

/** What stands on the screen, and the line that shows, hides and copies the token. */
export function useToken(token: string) {
  const [open, setOpen] = useState(false);
  const shown = open ? token : masked(token);
  const line = (
    <Group gap="sm" wrap="nowrap">
      <code className="cs-mono" data-token style={{ minWidth: 0 }}>
        {shown}
      </code>
      <Button size="xs" variant="default" onClick={() => setOpen(!open)}>
        {open ? t.grants.token.hide : t.grants.token.show}
      </Button>
      <Copy value={token} />
    </Group>
  );
  return { shown, line };
}

export function TokenOnce({ made, title, done }: Props) {
  const { shown, line } = useToken(made.token ?? '');
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
        {line}
        <Leaving unsaved={!stored} />
        <Text size="sm" c="var(--cs-waiting)" fw={600}>
          {t.grants.token.once}
        </Text>
        <Text size="sm">{t.grants.token.give}</Text>
        <Snippets grant={grant} token={token} shown={shown} />
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
