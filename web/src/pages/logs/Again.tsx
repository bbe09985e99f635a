// Whether a newer text of the policy would decide a recorded call the same: proved from what the log
// keeps, or not known.
import { Group, Stack, Text } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { api, http, type Schemas } from '../../api/client';
import { useCan } from '../../app/can';
import { to } from '../../app/links';
import { outcomeOf } from '../../lib/cases';
import type { Call } from '../../lib/road';
import { t } from '../../text';
import { Go } from '../../ui/bits';
import { Guarded } from '../../ui/Guarded';
import { ProblemView } from '../../ui/ProblemView';
import { kindOfOutcome, Word } from '../../ui/Word';

const d = t.logs.detail;
const a = d.again;

/** What judges a call again: the draft, where there is one, or the newest version. */
interface Newer {
  /** The draft; absent: the newest version. */
  draft: string | undefined;
  /** The number it has, or will have. */
  version: number;
}

const who = ({ draft, version }: Newer): string =>
  draft === undefined ? a.v(version) : a.draft(version);

/** What a newer text says of one call; absent: there is no newer text. */
export function useNewer(call: Call): { newer: Newer | undefined; latest: number } {
  const judge = call.policy;
  const may = useCan();
  const id = judge?.id ?? '';
  const params = { params: { path: { id } } };
  const policy = api.useQuery('get', '/api/v1/policies/{id}', params, {
    enabled: judge !== null && judge !== undefined,
    retry: 0,
  });
  const draft = api.useQuery('get', '/api/v1/policies/{id}/draft', params, {
    enabled: policy.data !== undefined && may('draft_get').allowed,
    retry: 0,
  });
  const latest = policy.data?.latest ?? judge?.version ?? 0;
  if (draft.data && !draft.error)
    return { latest, newer: { draft: draft.data.text, version: latest + 1 } };
  if (judge && latest > judge.version)
    return { latest, newer: { draft: undefined, version: latest } };
  return { latest, newer: undefined };
}

export function useAgain(call: Call, newer: Newer | undefined) {
  return useMutation({
    mutationFn: async () => {
      const { data } = await http.POST('/api/v1/policies/{id}/replay', {
        params: { path: { id: call.policy?.id ?? '' } },
        body: { call: call.id, ...(newer?.draft === undefined ? {} : { text: newer.draft }) },
      });
      return { told: data as Schemas['ReplayOut'], by: newer as Newer };
    },
  });
}

export function AgainButton({
  newer,
  latest,
  again,
}: {
  newer: Newer | undefined;
  latest: number;
  again: ReturnType<typeof useAgain>;
}) {
  const may = useCan();
  return (
    <Guarded
      size="xs"
      variant="default"
      may={may('policies_replay')}
      not={!newer && d.askNewest(latest)}
      loading={again.isPending}
      onClick={() => again.mutate()}
    >
      {newer && newer.draft !== undefined ? d.askDraft(newer.version) : d.ask(latest)}
    </Guarded>
  );
}

export function AgainAnswer({
  call,
  policy,
  again: { data, error },
}: {
  call: Call;
  policy: string;
  again: ReturnType<typeof useAgain>;
}) {
  if (error) return <ProblemView error={error} />;
  const kind = data?.told.kinds[0];
  if (!data) return null;
  const by = who(data.by);
  const link =
    data.by.draft === undefined ? to.version(policy, data.by.version) : to.policy(policy, 'build');
  return (
    <Stack gap={4}>
      {!kind ? (
        <Text size="sm">{a.beside}</Text>
      ) : kind.verdict === 'same' ? (
        <Text size="sm">{a.same(by)}</Text>
      ) : kind.verdict === 'not_known' ? (
        <Text size="sm">
          <Word kind="unknown">{a.notKnown}</Word>
          {a.because(kind.reason ?? '')}
        </Text>
      ) : !kind.would ? (
        <Text size="sm">{a.otherwise(by)}</Text>
      ) : (
        <Group gap="xs">
          <Text size="sm">{kind.would === outcomeOf(call) ? a.otherRule(by) : a.differs(by)}</Text>
          <Word kind={kindOfOutcome(kind.would)} />
        </Group>
      )}
      {kind && <Go {...link}>{a.open}</Go>}
    </Stack>
  );
}
