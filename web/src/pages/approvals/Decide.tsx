// The two buttons, of the same size and a finger apart. Each leads to a sheet that repeats what is
// decided; approving wakes only when everything that will be sent has been on the screen.
import { Button, Drawer, Group, Stack, Text } from '@mantine/core';
import { type ReactNode, useEffect, useId, useState } from 'react';
import { api, type Schemas } from '../../api/client';
import { approvals } from '../../text/approvals';
import { states } from '../../text/shell';
import { ProblemView } from '../../ui/ProblemView';
import { isPlain, List, longOnes } from './Exactly';

const o = approvals.one;

interface Props {
  row: Schemas['ApprovalRow'];
  opened: Schemas['ApprovalOpened'] | undefined;
  unfolded: ReadonlySet<string>;
  note: string;
  /** What the person is about to say. It is kept by the page: they are told if somebody is faster. */
  sheet: Sheet | undefined;
  setSheet: (sheet: Sheet | undefined) => void;
  done: () => void;
}

export type Sheet = 'approve' | 'deny';

/** How long the buttons sleep after something new is on the screen. */
const MOMENT = 1000;

const NONE: ReadonlySet<string> = new Set();

/** Whether the person has had a moment with what is shown. */
function useAwake(shown: boolean): boolean {
  const [awake, setAwake] = useState<boolean | undefined>(undefined);
  useEffect(() => {
    const timer = setTimeout(() => setAwake(shown), MOMENT);
    return () => clearTimeout(timer);
  }, [shown]);
  return awake === shown;
}

export function Decide({ row, opened, unfolded, note, sheet, setSheet, done }: Props) {
  const awake = useAwake(opened !== undefined);
  const end = {
    onSuccess: () => {
      setSheet(undefined);
      done();
    },
    // Somebody may have been faster: what stands there now is asked for.
    onError: done,
  };
  const approve = api.useMutation('post', '/api/v1/approvals/{id}/approve', end);
  const deny = api.useMutation('post', '/api/v1/approvals/{id}/deny', end);
  const say = sheet === 'deny' ? deny : approve;
  const fields = opened ? [...opened.arguments.fields, ...opened.arguments.input_responses] : [];
  const folded = longOnes(fields).some((name) => !unfolded.has(name));
  const asleep = awake ? '' : o.asleep.moment;
  const notYet = !opened ? o.asleep.unopened : folded ? o.asleep.folded : asleep;
  const close = () => {
    setSheet(undefined);
    approve.reset();
    deny.reset();
  };
  return (
    <div className="cs-decide">
      <div className="cs-decide-buttons">
        <Sleepy reason={asleep} onClick={() => setSheet('deny')}>
          {o.deny}
        </Sleepy>
        <Sleepy reason={notYet} onClick={() => setSheet('approve')}>
          {o.approve}
        </Sleepy>
      </div>
      <Drawer
        opened={sheet !== undefined}
        onClose={close}
        position="bottom"
        size="auto"
        // As high as what it says: the call stays in sight behind it.
        styles={{ content: { height: 'auto', flex: '0 1 100%', maxHeight: '85%' } }}
        title={sheet === 'deny' ? o.sureDeny : o.sureApprove}
        closeButtonProps={{ 'aria-label': states.close }}
      >
        <Stack maw={720} mx="auto">
          <Text fw={700} size="lg" style={{ overflowWrap: 'anywhere' }}>
            {row.tool}
          </Text>
          <Repeated fields={opened?.arguments.fields ?? []} />
          <Text size="sm" style={{ overflowWrap: 'anywhere' }}>
            {row.grant.name} → {row.server.name}
          </Text>
          <Text size="sm" c="dimmed">
            {sheet === 'deny' ? o.denyAbout : o.approveAbout}
          </Text>
          {say.error && <ProblemView error={say.error} />}
          <Group grow gap="md" pb="sm">
            <Button variant="default" mih={44} onClick={close} data-autofocus>
              {o.back}
            </Button>
            <Button
              mih={44}
              color={sheet === 'deny' ? 'red.8' : 'brand'}
              loading={say.isPending}
              onClick={() =>
                say.mutate({
                  params: { path: { id: row.id } },
                  body: { fingerprint: (opened ?? row).fingerprint, note },
                })
              }
            >
              {sheet === 'deny' ? o.denyThis : o.approveOnce}
            </Button>
          </Group>
        </Stack>
      </Drawer>
    </div>
  );
}

/** The fields that the rule names, once more. What the agent wrote is not repeated as if it were a fact. */
export function Repeated({ fields }: { fields: Schemas['FieldOut'][] }) {
  const named = fields.filter((field) => field.named_by_rule);
  return (
    <>
      <List fields={named.filter(isPlain)} unfolded={NONE} unfold={() => undefined} />
      {named
        .filter((field) => !isPlain(field))
        .map((field) => (
          <Text key={field.name} size="sm" c="dimmed" style={{ overflowWrap: 'anywhere' }}>
            {o.elsewhere(field.name, field.characters)}
          </Text>
        ))}
    </>
  );
}

/** A button that says why it sleeps. */
function Sleepy({
  reason,
  onClick,
  children,
}: {
  reason: string;
  onClick: () => void;
  children: ReactNode;
}) {
  const id = useId();
  const asleep = reason !== '';
  return (
    <div>
      <Button
        variant="default"
        fullWidth
        mih={44}
        size="md"
        data-disabled={asleep || undefined}
        aria-disabled={asleep || undefined}
        aria-describedby={asleep ? id : undefined}
        onClick={(event) => (asleep ? event.preventDefault() : onClick())}
      >
        {children}
      </Button>
      {asleep && (
        <Text id={id} size="xs" c="dimmed" ta="center" mt={2}>
          {reason}
        </Text>
      )}
    </div>
  );
}
