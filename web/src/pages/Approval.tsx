// One call that waits for people: what, exactly what, why you, what then. Opening this page decides
// nothing; the arguments are asked for by a button, and that is written down.
import { Button, Group, Stack, Text, TextInput, Title } from '@mantine/core';
import { IconHourglass } from '@tabler/icons-react';
import { useQueryClient } from '@tanstack/react-query';
import { useParams } from '@tanstack/react-router';
import { useEffect, useState } from 'react';
import { api, type Schemas } from '../api/client';
import { useCan } from '../app/can';
import { to } from '../app/links';
import { formatLeft, leftOf, passed, useNow } from '../lib/left';
import { approvals } from '../text/approvals';
import { shell } from '../text/shell';
import { Asked } from '../ui/Asked';
import { Go } from '../ui/bits';
import { ProblemView } from '../ui/ProblemView';
import { Word } from '../ui/Word';
import { Decide, type Sheet } from './approvals/Decide';
import { Exactly, Fingerprint, isProse, Money } from './approvals/Exactly';
import { Withdraw } from './approvals/Withdraw';
import { kindOf, whom } from './approvals/state';
import { Effect, People, Why } from './approvals/Why';
import './approvals/approvals.css';

const o = approvals.one;

type Full = Schemas['ApprovalFull'];
type Opened = Schemas['ApprovalOpened'];

export function Approval() {
  const { id } = useParams({ from: '/inside/approvals/$id' });
  const query = api.useQuery(
    'get',
    '/api/v1/approvals/{id}',
    { params: { path: { id } } },
    { refetchInterval: 4_000, staleTime: 0 },
  );
  return (
    <div className="cs-approval">
      <Asked query={query}>
        {(row) => <One key={row.id} row={row} asOf={query.dataUpdatedAt} />}
      </Asked>
    </div>
  );
}

function One({ row, asOf }: { row: Full; asOf: number }) {
  const queries = useQueryClient();
  const may = useCan();
  const now = useNow(row.state === 'pending' || row.state === 'approved');
  const left = leftOf(row.seconds_left, asOf, now);
  const [opened, setOpened] = useState<Opened>();
  const [unfolded, setUnfolded] = useState<ReadonlySet<string>>(new Set());
  const [note, setNote] = useState('');
  const [sheet, setSheet] = useState<Sheet>();
  const open = api.useMutation('post', '/api/v1/approvals/{id}/open', {
    onSuccess: setOpened,
    // Values stay on this page and nowhere else.
    gcTime: 0,
  });
  const changed = () =>
    void queries.invalidateQueries({
      predicate: ({ queryKey }) => String(queryKey[1]).startsWith('/api/v1/approvals'),
    });
  const waits = row.state === 'pending';
  const deciding = waits && row.can_decide && left > 0;
  useEffect(() => {
    document.title = `${row.tool} · ${shell.product}`;
  }, [row.tool]);
  // What has ended is erased here as well, and so is what somebody else had opened.
  const me = api.useQuery('get', '/api/v1/me', {}).data?.member.id;
  // The word that was sent may be read before its own answer is: that is no surprise.
  const own = row.decisions.some(
    ({ by, said }) => by.id === me && said === (sheet === 'deny' ? 'denied' : 'approved'),
  );
  const reads = row.can_decide || row.barred?.code === 'decided';
  const shown = waits && reads ? opened : undefined;

  return (
    <Stack gap="md">
      <Group justify="space-between" gap="xs">
        <Go {...to.approvals()}>{o.toList}</Go>
        {(waits || row.state === 'approved') && (
          <span className="cs-left">
            <IconHourglass size={16} aria-hidden /> {approvals.left(formatLeft(left))}
          </span>
        )}
      </Group>
      <Announce seconds={left} on={waits} />
      <div>
        <Stack gap={2}>
          <span>
            <Word kind={kindOf(row.state)}>{approvals.states[row.state] ?? row.state}</Word>
          </span>
          {waits &&
            row.needs.map((need) => (
              <Text key={need.rule} size="sm" component="span">
                {o.waitingFor(whom(need), need.given, need.count)}
              </Text>
            ))}
        </Stack>
        <Title order={1} size="h2" style={{ overflowWrap: 'anywhere' }} mt={4}>
          {row.tool} {shown && <Named fields={shown.arguments.fields} />}
        </Title>
        <Text style={{ overflowWrap: 'anywhere' }}>
          {row.grant.name} → {row.server.name}
        </Text>
      </div>
      {sheet !== undefined && !deciding && !own && (
        <Late row={row} note={note} close={() => setSheet(undefined)} />
      )}
      {!waits && <Result row={row} />}
      {waits && !row.can_decide && <Barred row={row} />}
      {waits && row.can_decide && !shown && (
        <section className="cs-panel cs-exactly" aria-label={o.exactly}>
          <Text fw={600} component="h2" size="md" m={0} mb="xs">
            {o.exactly}
          </Text>
          <Text size="sm" mb="sm">
            {o.sealed}
          </Text>
          {open.error && <ProblemView error={open.error} />}
          <Button
            mih={44}
            loading={open.isPending}
            onClick={() => open.mutate({ params: { path: { id: row.id } } })}
          >
            {o.open}
          </Button>
          <Fingerprint of={row.fingerprint} />
        </section>
      )}
      {shown && (
        <Exactly
          arguments={shown.arguments}
          fingerprint={shown.fingerprint}
          unfolded={unfolded}
          unfold={(name) => setUnfolded(new Set([...unfolded, name]))}
        />
      )}
      {shown && <Effect would={shown.would} />}
      <Why row={row} />
      <People row={row} />
      {deciding && (
        <TextInput
          label={o.note}
          description={o.noteAbout}
          maxLength={500}
          value={note}
          onChange={(event) => setNote(event.currentTarget.value)}
        />
      )}
      {(waits || row.state === 'approved') && (
        <Withdraw id={row.id} may={may('approvals_withdraw')} done={changed} />
      )}
      {deciding && (
        <Decide
          row={row}
          opened={shown}
          unfolded={unfolded}
          note={note}
          sheet={sheet}
          setSheet={setSheet}
          done={changed}
        />
      )}
    </Stack>
  );
}

/** The values of the fields that the rule names, beside the tool: never text the agent wrote. */
function Named({ fields }: { fields: Schemas['FieldOut'][] }) {
  const short = fields
    .filter((field) => field.named_by_rule && !isProse(field) && field.characters <= 24)
    .slice(0, 3);
  return short.map((field) => (
    <span key={field.name} style={{ fontWeight: 500 }}>
      {field.name} <bdi>{field.value}</bdi> <Money of={field} />{' '}
    </span>
  ));
}

/** Says how much time is left when that passes five minutes, and one. */
export function Announce({ seconds, on }: { seconds: number; on: boolean }) {
  // The least so far: the server's word may put the clock here back by a moment.
  const [least, setLeast] = useState(seconds);
  const [said, setSaid] = useState('');
  if (seconds < least) {
    setLeast(seconds);
    if (passed(least, seconds)) setSaid(o.announced(seconds));
  }
  return (
    <div role="status" className="cs-unseen">
      {on && said}
    </div>
  );
}

function Barred({ row }: { row: Full }) {
  return (
    <div className="cs-panel" role="status">
      <Text size="sm" fw={600}>
        {row.barred ? (o.barred[row.barred.code] ?? row.barred.text) : o.notYours}
      </Text>
      {row.barred && row.barred.code !== 'decided' && (
        <Text size="sm" c="dimmed">
          {o.notYours}
        </Text>
      )}
    </div>
  );
}

/** It ended, or somebody was faster, while the person was about to say their word. */
function Late({ row, note, close }: { row: Full; note: string; close: () => void }) {
  const last = row.decisions.at(-1);
  return (
    <div className="cs-panel" role="alert">
      <Text fw={600}>
        {last ? o.late.said(last.by.name, o.saidWord[last.said] ?? last.said) : o.late.other}
      </Text>
      {note !== '' && <Text size="sm">{o.late.note(note)}</Text>}
      <Button mt="xs" variant="default" mih={44} onClick={close}>
        {o.late.close}
      </Button>
    </div>
  );
}

function Result({ row }: { row: Full }) {
  return (
    <div className="cs-panel" role="status">
      <Text fw={600}>{o.result[row.state]}</Text>
      {row.reason && (
        <Text size="sm">
          {o.reason}: {o.reasons[row.reason] ?? row.reason.replaceAll('_', ' ')}
        </Text>
      )}
      {row.state !== 'approved' && (
        <Text size="sm" c="dimmed">
          {o.erased}
        </Text>
      )}
      {row.used_by && <Go {...to.call(row.used_by)}>{o.usedBy}</Go>}
      <Fingerprint of={row.fingerprint} />
    </div>
  );
}
