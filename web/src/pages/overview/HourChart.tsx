// Stacked bars of decisions an hour. Each bar leads to its calls; the table view says the same.
import { useNavigate } from '@tanstack/react-router';
import { Group } from '@mantine/core';
import { to } from '../../app/links';
import { HOUR, type Hour, sumOf } from '../../lib/counts';
import { formatNumber, formatTime } from '../../lib/format';
import { t } from '../../text';
import { Word } from '../../ui/Word';

const PARTS = ['allowed', 'waiting', 'denied', 'unknown'] as const;
const HEIGHT = 120;

export function HourChart({ hours }: { hours: Hour[] }) {
  const navigate = useNavigate();
  const most = Math.max(
    1,
    ...hours.map((hour) => PARTS.reduce((sum, part) => sum + hour[part], 0)),
  );
  const all = PARTS.reduce((sum, part) => sum + sumOf(hours, part), 0);
  const summary = t.overview.chart(
    formatNumber(all),
    formatNumber(sumOf(hours, 'denied')),
    formatNumber(sumOf(hours, 'waiting')),
  );
  return (
    <>
      <svg
        viewBox={`0 0 240 ${HEIGHT}`}
        width="100%"
        height={HEIGHT}
        preserveAspectRatio="none"
        role="img"
        aria-label={summary}
      >
        {hours.map((hour, at) => {
          let y = HEIGHT;
          return (
            // The table beside the chart holds the same as links for the keyboard.
            <g
              key={hour.at}
              style={{ cursor: 'pointer' }}
              onClick={() =>
                void navigate(
                  to.logs({
                    since: new Date(hour.at).toISOString(),
                    until: new Date(hour.at + HOUR).toISOString(),
                  }),
                )
              }
            >
              <title>{formatTime(new Date(hour.at).toISOString())}</title>
              <rect x={at * 10} y={0} width={9} height={HEIGHT} fill="transparent" />
              {PARTS.map((part) => {
                const height = (hour[part] / most) * (HEIGHT - 4);
                if (height === 0) return null;
                y -= height;
                return (
                  <rect
                    key={part}
                    x={at * 10}
                    y={y}
                    width={9}
                    height={Math.max(1, height - 1)}
                    fill={`var(--cs-fill-${part})`}
                  />
                );
              })}
            </g>
          );
        })}
      </svg>
      <Group gap="md" mt={4}>
        {PARTS.map((part) => (
          <Group key={part} gap={6}>
            <svg width="12" height="12" aria-hidden>
              <rect width="12" height="12" fill={`var(--cs-fill-${part})`} />
            </svg>
            <Word kind={part} />
          </Group>
        ))}
      </Group>
    </>
  );
}
