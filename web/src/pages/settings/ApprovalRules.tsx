// How strict approvals are: for admins to change, for everybody to see.
import { Stack, Switch } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { api } from '../../api/client';
import { useCan } from '../../app/can';
import { account as a } from '../../text/account';
import { Asked } from '../../ui/Asked';
import { Panel } from '../../ui/Page';
import { ProblemView } from '../../ui/ProblemView';

export function ApprovalRules() {
  const may = useCan()('approval_settings_set');
  const queries = useQueryClient();
  const query = api.useQuery('get', '/api/v1/approval-settings', {});
  const set = api.useMutation('put', '/api/v1/approval-settings', {
    onSettled: () =>
      void queries.invalidateQueries({ queryKey: ['get', '/api/v1/approval-settings'] }),
  });
  return (
    <Panel title={a.approvals}>
      <Asked query={query} lines={2}>
        {(now) => (
          <Stack gap="sm">
            {(['strict', 'show_notes'] as const).map((name) => (
              <Switch
                key={name}
                label={name === 'strict' ? a.strict : a.showNotes}
                description={`${name === 'strict' ? a.strictAbout : a.showNotesAbout} ${may.reason}`}
                checked={now[name]}
                disabled={!may.allowed || set.isPending}
                onChange={(event) =>
                  set.mutate({
                    body: {
                      strict: now.strict,
                      show_notes: now.show_notes,
                      revision: now.revision,
                      [name]: event.currentTarget.checked,
                    },
                  })
                }
              />
            ))}
            {set.error && <ProblemView error={set.error} />}
          </Stack>
        )}
      </Asked>
    </Panel>
  );
}
