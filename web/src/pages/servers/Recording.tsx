// What is recorded of a server's calls beyond names. Nothing is, until an admin says so who has read
// what it means; captures are set by the command line, where their key is made.
import { Group, Stack, Text } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api, type Schemas } from '../../api/client';
import { useCan } from '../../app/can';
import { servers } from '../../text/servers';
import { Asked } from '../../ui/Asked';
import { Facts } from '../../ui/bits';
import { Confirm } from '../../ui/Confirm';
import { Guarded } from '../../ui/Guarded';
import { Panel } from '../../ui/Page';

const r = servers.recording;

export function Recording({ slug }: { slug: string }) {
  const params = { params: { path: { id: slug } } };
  const query = api.useQuery('get', '/api/v1/servers/{id}/recording', params);
  return (
    <Panel title={r.title}>
      <Asked query={query}>{(recording) => <Shown slug={slug} recording={recording} />}</Asked>
    </Panel>
  );
}

function Shown({ slug, recording }: { slug: string; recording: Schemas['RecordingOut'] }) {
  const may = useCan();
  const queries = useQueryClient();
  const [asking, setAsking] = useState(false);
  const { capture, fingerprints, tools } = recording;
  const set = api.useMutation('put', '/api/v1/servers/{id}/recording', {
    onSuccess: () => {
      setAsking(false);
      void queries.invalidateQueries({ queryKey: ['get'] });
    },
  });
  const change = (on: boolean) =>
    set.mutate({
      params: { path: { id: slug } },
      body: {
        fingerprints: on,
        tools,
        understood: on,
        capture: capture && {
          key: capture.key,
          arguments: capture.arguments,
          results: capture.results,
          bytes_max: capture.bytes_max,
        },
      },
    });
  return (
    <Stack gap="sm">
      <Text size="sm" c="dimmed">
        {r.about}
      </Text>
      <Facts
        of={[
          [r.fingerprints, fingerprints ? r.on : r.off],
          [r.captures, capture ? r.captured(capture) : r.off],
          [r.tools, tools?.join(', ') ?? r.all],
        ]}
      />
      <Text size="xs" c="dimmed">
        {recording.capture_allowed ? r.captureHow : r.captureNotAllowed}
      </Text>
      <Group>
        <Guarded
          may={may('recording_set')}
          variant="default"
          size="xs"
          loading={set.isPending}
          onClick={() => (fingerprints ? change(false) : setAsking(true))}
        >
          {fingerprints ? r.turnOff : r.turnOn}
        </Guarded>
      </Group>
      <Confirm
        open={asking}
        close={() => setAsking(false)}
        title={r.turnOn}
        text={recording.means[0] ?? ''}
        go={r.understood}
        pending={set.isPending}
        error={set.error}
        onGo={() => change(true)}
      />
    </Stack>
  );
}
