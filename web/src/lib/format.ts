// Dates, numbers and spans for people, by the browser's own language.

const number = new Intl.NumberFormat();
const time = new Intl.DateTimeFormat(undefined, {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
});
const day = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium' });
const utcDay = new Intl.DateTimeFormat(undefined, {
  weekday: 'short',
  day: 'numeric',
  timeZone: 'UTC',
});
const moment = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' });
const ago = new Intl.RelativeTimeFormat(undefined, { numeric: 'auto' });

export const formatNumber = (value: number): string => number.format(value);

/** A decimal as the server writes it, with groups, and never through a float. */
export function formatDecimal(text: string): string {
  const [whole = '0', rest] = text.split('.');
  const grouped = whole.replace(/\B(?=(\d{3})+(?!\d))/g, ',');
  return rest ? `${grouped}.${rest}` : grouped;
}

export const formatMoment = (at: string): string => moment.format(new Date(at));

/** The time alone for today, the day as well for anything else. */
export function formatTime(at: string, now = new Date()): string {
  const date = new Date(at);
  return date.toDateString() === now.toDateString() ? time.format(date) : moment.format(date);
}

/** A day that begins at midnight in UTC, such as "Mon 16". */
export const formatUtcDay = (at: string): string => utcDay.format(new Date(at));

export const formatDay = (at: string): string => day.format(new Date(at));

const UNITS: [Intl.RelativeTimeFormatUnit, number][] = [
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
  ['second', 1],
];

/** How far away a moment is, such as "in 3 days" or "5 minutes ago". */
export function formatDistance(at: string, now = Date.now()): string {
  const seconds = Math.round((new Date(at).getTime() - now) / 1000);
  for (const [unit, size] of UNITS) {
    if (Math.abs(seconds) >= size || unit === 'second')
      return ago.format(Math.trunc(seconds / size), unit);
  }
  return '';
}

export function formatMicros(micros: number): string {
  if (micros < 1000) return `${micros} µs`;
  if (micros < 1_000_000) return `${(micros / 1000).toFixed(micros < 10_000 ? 1 : 0)} ms`;
  return `${(micros / 1_000_000).toFixed(1)} s`;
}

/** The moment so many days from now, as the server reads it. */
export const inDays = (days: number): string =>
  new Date(Date.now() + days * 86_400_000).toISOString();
