// Stacked bars of decisions an hour. Each bar leads to its calls; the table view says the same.
import { useNavigate } from '@tanstack/react-router';
import { Group } from '@mantine/core';
import { to } from '../../app/links';
import { allOf, countOf, hourOf, PARTS, type Sum } from '../../lib/counts';
import { formatNumber, formatTime } from '../../lib/format';
import { t } from '../../text';
import { Word } from '../../ui/Word';

const HEIGHT = 120;

interface Props {
  all: Sum;
  hours: Sum[];
  server: string | undefined;
}

export function HourChart({ all, hours, server }: Props) {
  const navigate = useNavigate();
  const most = Math.max(1, ...hours.map(allOf));
  const summary = t.overview.chart(
    formatNumber(allOf(all)),
    hours.length,
    formatNumber(all.denied),
    formatNumber(all.held),
  );
  return (
    <>
      <svg
        viewBox={`0 0 ${hours.length * 10} ${HEIGHT}`}
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
              onClick={() => void navigate(to.logs({ ...hourOf(hour), server }))}
            >
              <title>{formatTime(hour.at)}</title>
              <rect x={at * 10} y={0} width={9} height={HEIGHT} fill="transparent" />
              {PARTS.map((part) => {
                const height = (countOf(hour, part) / most) * (HEIGHT - 4);
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
