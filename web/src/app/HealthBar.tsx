// How the instance is: one word in the head, and above the page what follows while a part is not well.
import { Text } from '@mantine/core';
import { IconCircleFilled } from '@tabler/icons-react';
import { api } from '../api/client';
import { t } from '../text/core';
import { Go } from '../ui/bits';
import { to } from './links';

const h = t.shell.health;
const EVERY = { refetchInterval: 15_000, retry: 0 };

/** The state as one word, and the parts that are not well although the whole answers. */
function useHealth() {
  const whole = api.useQuery('get', '/api/v1/health', {}, EVERY);
  const status = whole.error ? ('lost' as const) : whole.data?.status;
  const detail = api.useQuery(
    'get',
    '/api/v1/health/detail',
    {},
    { ...EVERY, enabled: status === 'ok' },
  );
  const parts = status === 'ok' ? (detail.data?.parts ?? []) : [];
  return { status, weak: parts.filter(({ state }) => state !== 'ok') };
}

export function HealthDot() {
  const { status, weak } = useHealth();
  const well = status === 'ok' && weak.length === 0;
  const color = well
    ? 'var(--cs-allowed)'
    : status === 'ok'
      ? 'var(--cs-waiting)'
      : 'var(--cs-denied)';
  const word = {
    ok: well ? h.ok : h.partly,
    degraded: h.degraded,
    sealed: h.sealed,
    lost: h.unknown,
  };
  const said = word[status ?? 'lost'];
  return (
    <>
      <Text size="sm" component="span" visibleFrom="sm" style={{ color, whiteSpace: 'nowrap' }}>
        <IconCircleFilled size={10} aria-hidden /> {said}
      </Text>
      {/* A phone has room for the dot alone; the word is read out, and shown by a long touch. */}
      <Text
        component="span"
        hiddenFrom="sm"
        role="img"
        aria-label={said}
        title={said}
        lh={1}
        style={{ color }}
      >
        <IconCircleFilled size={12} aria-hidden />
      </Text>
    </>
  );
}

export function HealthBar() {
  const { status, weak } = useHealth();
  if (status === undefined || (status === 'ok' && weak.length === 0)) return null;
  return (
    <div className="cs-bar" role="status" style={{ margin: '-16px -16px 16px' }}>
      {status === 'ok'
        ? weak.map(({ part, said }) => (
            <div key={part}>
              {part === 'clock' ? (
                <>
                  {h.clockBar} <Go {...to.settings()}>{h.toClock}</Go>
                </>
              ) : (
                h.partBar(part, said ?? '')
              )}
            </div>
          ))
        : { lost: h.lostBar, degraded: h.degradedBar, sealed: h.sealedBar }[status]}
    </div>
  );
}
