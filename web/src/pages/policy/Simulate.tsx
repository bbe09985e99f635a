// Four ways to know what a draft does before it is published: one call, a question, what was recorded,
// and live calls that it only watches.
import { SegmentedControl, Stack } from '@mantine/core';
import { useNavigate } from '@tanstack/react-router';
import type { Schemas } from '../../api/client';
import { to } from '../../app/links';
import type { ServerTool } from '../../lib/tools';
import { t } from '../../text';
import { Ask } from './Ask';
import type { Draft } from './draft';
import { Replay } from './Replay';
import { Try } from './Try';
import { Watch } from './Watch';

const VIEWS = ['try', 'ask', 'replay', 'watch'] as const;
const v = t.policies.simulate.views;

interface Props {
  draft: Draft;
  server: string | undefined;
  tools: ServerTool[];
  policy: Schemas['PolicyWhole'];
  view: string | undefined;
}

export function Simulate({ draft, server, tools, policy, view }: Props) {
  const navigate = useNavigate();
  const shown = VIEWS.find((known) => known === view) ?? 'try';
  return (
    <Stack>
      <SegmentedControl
        aria-label={t.policies.tabs.simulate}
        value={shown}
        onChange={(next) => void navigate(to.policy(policy.name, 'simulate', undefined, next))}
        data={VIEWS.map((value) => ({ value, label: v[value] }))}
        style={{ alignSelf: 'flex-start', maxWidth: '100%' }}
      />
      {shown === 'try' && <Try text={draft.text} server={server} tools={tools} policy={policy} />}
      {shown === 'ask' && <Ask text={draft.text} server={server} tools={tools} />}
      {shown === 'replay' && <Replay text={draft.text} policy={policy} />}
      {shown === 'watch' && <Watch draft={draft} policy={policy} />}
    </Stack>
  );
}
