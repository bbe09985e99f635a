// Following the log as it grows: lines are gathered per frame, and the stream comes back by itself.
import { useEffect, useRef, useState } from 'react';
import { onReopened } from '../api/again';
import type { LogFilter } from '../app/links';
import type { Call } from './road';

export type Stream = 'live' | 'lost' | 'off';

/** What the stream can be narrowed by; the rest needs a list that was asked for. */
const KNOWN = ['grant', 'server', 'tool', 'decision', 'policy', 'rule'] as const;

/** How long a refused stream waits before it asks again, in milliseconds: first, and at most. */
const FIRST = 1_000;
const LONGEST = 30_000;

interface Hears {
  call: (event: MessageEvent<string>) => void;
  outcome: (event: MessageEvent<string>) => void;
  stream: (stream: Stream) => void;
  /** It is back, and what happened meanwhile did not come with it. */
  missed: () => void;
}

/**
 * Keeps a stream open, and answers with what closes it. A line that breaks is mended by the browser, which
 * says where it was; one that was refused (nobody signed in, too many, nobody there) the browser gives up,
 * and it is asked for here, less and less often, and at once when somebody signed in again.
 */
export function keepOpen(address: string, hears: Hears): () => void {
  let source: EventSource;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let wait = FIRST;
  let heard = false;
  const open = () => {
    clearTimeout(timer);
    source = new EventSource(address);
    let fresh = heard;
    source.addEventListener('call', hears.call);
    source.addEventListener('outcome', hears.outcome);
    source.onopen = () => {
      hears.stream('live');
      // One that is opened anew cannot say where the one before it was.
      if (fresh) hears.missed();
      fresh = false;
      heard = true;
      wait = FIRST;
    };
    source.onerror = () => {
      hears.stream('lost');
      if (source.readyState !== EventSource.CLOSED) return;
      clearTimeout(timer);
      timer = setTimeout(open, wait);
      wait = Math.min(wait * 2, LONGEST);
    };
  };
  open();
  const deaf = onReopened(() => {
    if (source.readyState === EventSource.CLOSED) open();
  });
  return () => {
    deaf();
    clearTimeout(timer);
    source.close();
  };
}

/**
 * Follows the log while `on`. `told` gets the lines of one frame: new ones, and old ones whose
 * outcome came to be known; `missed` is called when there may be lines that it did not get.
 */
export function useTail(
  filter: LogFilter,
  on: boolean,
  told: (fresh: Call[], ended: Call[]) => void,
  missed: () => void,
): Stream {
  const [stream, setStream] = useState<Stream>('off');
  const listener = useRef({ told, missed });
  useEffect(() => {
    listener.current = { told, missed };
  });
  const query = new URLSearchParams();
  for (const name of KNOWN) {
    const value = filter[name];
    if (value) query.set(name, value);
  }
  const address = `/api/v1/calls/tail?${query.toString()}`;
  useEffect(() => {
    if (!on) return undefined;
    let fresh: Call[] = [];
    let ended: Call[] = [];
    let frame = 0;
    const flush = () => {
      frame = 0;
      listener.current.told(fresh, ended);
      [fresh, ended] = [[], []];
    };
    const take = (into: 'fresh' | 'ended') => (event: MessageEvent<string>) => {
      const call = JSON.parse(event.data) as Call;
      if (into === 'fresh') fresh.push(call);
      else ended.push(call);
      if (frame === 0) frame = requestAnimationFrame(flush);
    };
    const close = keepOpen(address, {
      call: take('fresh'),
      outcome: take('ended'),
      stream: setStream,
      missed: () => listener.current.missed(),
    });
    return () => {
      close();
      cancelAnimationFrame(frame);
    };
  }, [address, on]);
  return on ? stream : 'off';
}
