// What is seen of a grant's tokens once they were shown: how each begins, and when an older one stops.
import { type Schemas } from '../../api/client';
import { formatLeft, leftOf, useNow } from '../../lib/left';
import { t } from '../../text';

const d = t.grants.detail;

/** Seconds until a moment, none once it is over. */
const until = (end: string, now: number) => leftOf((Date.parse(end) - now) / 1000, now, now);

export function Traces({ tokens }: { tokens: Schemas['TokenTraceOut'][] }) {
  const now = useNow(tokens.some(({ ends_at: end }) => Boolean(end)));
  const good = tokens.filter(({ ends_at: end }) => !end || until(end, now) > 0);
  const [newest, ...older] = [...good].reverse();
  if (newest === undefined) return <>{d.noToken}</>;
  return (
    <>
      {d.token} <code>csg1_{newest.begins}…</code> · {d.generation(newest.generation)}
      {older.map(({ begins, generation, ends_at: end }) => (
        <span key={generation}>
          {' · '}
          <code>csg1_{begins}…</code> {end && d.stops(formatLeft(until(end, now)))}
        </span>
      ))}
    </>
  );
}
