// Following the log as it grows: lines are gathered per frame, and the stream comes back by itself.
import { useEffect, useRef, useState } from 'react';
import type { LogFilter } from '../app/links';
import type { Call } from './road';

export type Stream = 'live' | 'lost' | 'off';

/** What the stream can be narrowed by; the rest needs a list that was asked for. */
const KNOWN = ['grant', 'server', 'tool', 'decision', 'policy', 'rule'] as const;

/**
 * Follows the log while `on`. `told` gets the lines of one frame: new ones, and old ones whose
 * outcome came to be known.
 */
export function useTail(
  filter: LogFilter,
  on: boolean,
  told: (fresh: Call[], ended: Call[]) => void,
): Stream {
  const [stream, setStream] = useState<Stream>('off');
  const listener = useRef(told);
  useEffect(() => {
    listener.current = told;
  });
  const query = new URLSearchParams();
  for (const name of KNOWN) {
    const value = filter[name];
    if (value) query.set(name, value);
  }
  const address = `/api/v1/calls/tail?${query.toString()}`;
  useEffect(() => {
    if (!on) return undefined;
    const source = new EventSource(address);
    let fresh: Call[] = [];
    let ended: Call[] = [];
    let frame = 0;
    const flush = () => {
      frame = 0;
      listener.current(fresh, ended);
      [fresh, ended] = [[], []];
    };
    const take = (into: 'fresh' | 'ended') => (event: MessageEvent<string>) => {
      const call = JSON.parse(event.data) as Call;
      if (into === 'fresh') fresh.push(call);
      else ended.push(call);
      if (frame === 0) frame = requestAnimationFrame(flush);
    };
    source.addEventListener('call', take('fresh'));
    source.addEventListener('outcome', take('ended'));
    source.onopen = () => setStream('live');
    source.onerror = () => setStream('lost');
    return () => {
      source.close();
      cancelAnimationFrame(frame);
    };
  }, [address, on]);
  return on ? stream : 'off';
}
