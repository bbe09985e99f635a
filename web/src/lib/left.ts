// The time that is left, counted down here from what the server said.
import { useEffect, useState } from 'react';

/** Seconds left of what had `seconds` left when the answer came at `asOf` (milliseconds). */
export const leftOf = (seconds: number, asOf: number, now: number): number =>
  Math.max(0, Math.ceil(seconds - (now - asOf) / 1000));

/** `1 h 05 min`, `24:12` under an hour. */
export function formatLeft(seconds: number): string {
  const two = (n: number) => String(n).padStart(2, '0');
  const [hours, minutes, rest] = [
    Math.floor(seconds / 3600),
    Math.floor((seconds % 3600) / 60),
    seconds % 60,
  ];
  if (hours >= 48) return `${Math.floor(hours / 24)} d`;
  return hours > 0 ? `${hours} h ${two(minutes)} min` : `${minutes}:${two(rest)}`;
}

/** What is left when a person is told so, in seconds. */
const MARKS = [60, 300];

/** Whether one of the marks was passed on the way from `before` seconds left to `now`. */
export const passed = (before: number, now: number): boolean =>
  now > 0 && MARKS.some((mark) => before > mark && now <= mark);

/** The moment, again every second while somebody looks. */
export function useNow(on = true): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    if (!on) return undefined;
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, [on]);
  return now;
}
