// What can be done with a grant. The dangerous ones ask first, and name the grant.
import { Button, Group, Modal, NativeSelect, Stack, Text } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { lazy, Suspense, useState } from 'react';
import { api, type Schemas } from '../../api/client';
import { useCan } from '../../app/can';
import { t } from '../../text';
import { Confirm } from '../../ui/Confirm';
import { Guarded } from '../../ui/Guarded';
import { ProblemView } from '../../ui/ProblemView';

const Attach = lazy(() => import('./Attach'));
const d = t.grants.detail;
type GrantOut = Schemas['GrantOut'];

interface Props {
  grant: GrantOut;
  rotated: (made: Schemas['GrantMade']) => void;
}

export function Actions({ grant, rotated }: Props) {
  const may = useCan();
  const queries = useQueryClient();
  const [asking, setAsking] = useState<'rotate' | 'revoke' | 'policy'>();
  const [overlap, setOverlap] = useState('600');
  const close = () => setAsking(undefined);
  const params = { params: { path: { id: grant.id } } };
  const changed = () => {
    void queries.invalidateQueries({ queryKey: ['get', '/api/v1/grants'] });
    void queries.invalidateQueries({ queryKey: ['get', '/api/v1/grants/{id}'] });
  };
  const said = {
    onSuccess: () => {
      changed();
      close();
    },
    onError: changed,
  };
  const pause = api.useMutation('post', '/api/v1/grants/{id}/pause', said);
  const resume = api.useMutation('post', '/api/v1/grants/{id}/resume', said);
  const revoke = api.useMutation('post', '/api/v1/grants/{id}/revoke', {
    onSuccess: said.onSuccess,
  });
  const rotate = api.useMutation('post', '/api/v1/grants/{id}/rotate', {
    onSuccess: (made) => {
      said.onSuccess();
      rotated(made);
    },
  });
  // What was refused stays until it is tried again: whoever pauses wants to know that it did not work.
  const failed = [pause, resume].find((one) => one.isError);
  const over = grant.state === 'revoked' && d.revoked;
  return (
    <>
      <Guarded
        may={may('grants_rotate')}
        not={over}
        variant="default"
        onClick={() => setAsking('rotate')}
      >
        {d.rotate}
      </Guarded>
      <Guarded
        may={may('grants_attach')}
        not={over}
        variant="default"
        onClick={() => setAsking('policy')}
      >
        {d.changePolicy}
      </Guarded>
      {grant.state === 'paused' ? (
        <Guarded
          may={may('grants_resume')}
          variant="default"
          loading={resume.isPending}
          onClick={() => resume.mutate(params)}
        >
          {d.resume}
        </Guarded>
      ) : (
        <Guarded
          may={may('grants_pause')}
          not={over}
          variant="default"
          loading={pause.isPending}
          onClick={() => pause.mutate(params)}
        >
          {d.pause}
        </Guarded>
      )}
      <Guarded
        may={may('grants_revoke')}
        not={over}
        color="red.8"
        onClick={() => setAsking('revoke')}
      >
        {d.revokeNow}
      </Guarded>
      {failed && (
        <div className="cs-own-line">
          <ProblemView error={failed.error} retry={() => failed.mutate(params)} />
        </div>
      )}
      <Confirm
        open={asking === 'revoke'}
        close={close}
        title={d.revoke(grant.label)}
        text={d.revokeText(grant.label)}
        typed={grant.label}
        go={d.revoke(grant.label)}
        pending={revoke.isPending}
        error={revoke.error}
        onGo={() => revoke.mutate(params)}
      />
      <Modal
        opened={asking === 'rotate'}
        onClose={close}
        title={d.rotateTitle(grant.label)}
        closeButtonProps={{ 'aria-label': t.states.close }}
      >
        <Stack>
          <Text size="sm">{d.rotateText}</Text>
          <NativeSelect
            label={d.overlap}
            data={Object.entries(d.overlaps).map(([value, label]) => ({ value, label }))}
            value={overlap}
            onChange={(event) => setOverlap(event.currentTarget.value)}
          />
          {rotate.error && <ProblemView error={rotate.error} />}
          <Group justify="flex-end">
            <Button variant="default" onClick={close}>
              {t.states.cancel}
            </Button>
            <Button
              loading={rotate.isPending}
              onClick={() =>
                rotate.mutate({ ...params, body: { overlap_seconds: Number(overlap) } })
              }
            >
              {d.rotate}
            </Button>
          </Group>
        </Stack>
      </Modal>
      {asking === 'policy' && (
        <Suspense fallback={null}>
          <Attach grant={grant} close={close} changed={changed} />
        </Suspense>
      )}
    </>
  );
}
