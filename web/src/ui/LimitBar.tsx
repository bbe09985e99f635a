// A limit as a bullet bar: used, held, unknown, left; with the same in words.
import { t } from '../text';
import { formatDecimal } from '../lib/format';

export interface Limit {
  used: string;
  held: string;
  unknown: string;
  left: string;
  max: string;
}

/** The share of a limit, from 0 to 1; a limit of nothing is full. */
const share = (part: string, max: string): number => {
  const most = Number(max);
  return most > 0 ? Math.min(1, Number(part) / most) : 1;
};

export const fullness = (limit: Limit): number => 1 - share(limit.left, limit.max);

export function LimitBar({ limit }: { limit: Limit }) {
  const parts = [
    ['used', 'var(--cs-fill-allowed)'],
    ['held', 'var(--cs-fill-waiting)'],
    ['unknown', 'var(--cs-fill-unknown)'],
  ] as const;
  const texts = [limit.used, limit.held, limit.unknown, limit.left].map(formatDecimal) as [
    string,
    string,
    string,
    string,
  ];
  const bars: { name: string; color: string; x: number; width: number }[] = [];
  let x = 0;
  for (const [name, color] of parts) {
    const width = share(limit[name], limit.max) * 100;
    if (width > 0 && limit[name] !== '0')
      bars.push({ name, color, x, width: Math.max(0.5, width - 0.4) });
    x += limit[name] === '0' ? 0 : width;
  }
  return (
    <svg
      width="100%"
      height="14"
      viewBox="0 0 100 14"
      preserveAspectRatio="none"
      role="img"
      aria-label={t.grants.detail.summary(...texts)}
    >
      <rect width="100" height="14" fill="var(--cs-track)" />
      {bars.map((bar) => (
        <rect key={bar.name} x={bar.x} width={bar.width} height="14" fill={bar.color} />
      ))}
    </svg>
  );
}
