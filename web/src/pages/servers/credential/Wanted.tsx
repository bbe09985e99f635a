// Scopes that the server asked for when it refused calls. Nobody is asked for them by itself: an admin
// says which of them are to be asked for, and people consent.
import { Alert, Checkbox, Group, Stack, Text } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api, type Schemas } from '../../../api/client';
import { useCan } from '../../../app/can';
import { to } from '../../../app/links';
import { credentials } from '../../../text/credentials';
import { Go } from '../../../ui/bits';
import { Guarded } from '../../../ui/Guarded';
import { ProblemView } from '../../../ui/ProblemView';

const w = credentials.wanted;

export function Wanted({ slug, oauth }: { slug: string; oauth: Schemas['OAuthClientOut'] }) {
  const may = useCan();
  const queries = useQueryClient();
  const [picked, setPicked] = useState<string[]>([]);
  const set = api.useMutation('put', '/api/v1/servers/{id}/credential/scopes', {
    onSuccess: () => {
      setPicked([]);
      void queries.invalidateQueries({ queryKey: ['get'] });
    },
  });
  const itself = oauth.grant === 'client_credentials';
  const wanted = oauth.wanted_scopes;
  const done = set.data && (
    <Alert color="green" variant="outline" title={w.done}>
      {itself ? w.doneItself : w.doneConnect}
    </Alert>
  );
  return (
    <div role="status">
      <Stack gap="sm">
        {done}
        {wanted.length > 0 && (
          <Alert color="yellow" variant="outline" title={w.title(wanted.length)}>
            <Stack gap="sm">
              <Text size="sm">
                {w.about}{' '}
                <Go {...to.logs({ server: slug, outcome: 'upstream_error' })}>{w.calls}</Go>
              </Text>
              <Checkbox.Group value={picked} onChange={setPicked} label={w.which}>
                <Stack gap={6} mt={6}>
                  {wanted.map((scope) => (
                    <Checkbox
                      key={scope}
                      value={scope}
                      label={<span className="cs-mono">{scope}</span>}
                    />
                  ))}
                </Stack>
              </Checkbox.Group>
              <Text size="sm">{itself ? w.nextItself : w.nextConnect}</Text>
              <Group>
                <Guarded
                  may={may('credential_scopes')}
                  not={picked.length === 0 && w.pick}
                  loading={set.isPending}
                  onClick={() =>
                    set.mutate({
                      params: { path: { id: slug } },
                      body: { scopes: [...oauth.scopes, ...picked] },
                    })
                  }
                >
                  {w.go(picked.length)}
                </Guarded>
              </Group>
              {set.error && <ProblemView error={set.error} />}
            </Stack>
          </Alert>
        )}
      </Stack>
    </div>
  );
}
