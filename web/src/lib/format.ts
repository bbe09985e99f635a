// Dates, numbers and spans for people, by the browser's own language and in the zone they chose.
import { keep, kept } from './settings';

const IN_UTC = 'times-in-utc';

/** The formats of moments in a zone; the browser's own where none is given. */
function formatsOf(timeZone: string | undefined) {
  const of = (options: Intl.DateTimeFormatOptions) =>
    new Intl.DateTimeFormat(undefined, { ...options, timeZone });
  return {
    time: of({ hour: '2-digit', minute: '2-digit', second: '2-digit' }),
    day: of({ dateStyle: 'medium' }),
    moment: of({ dateStyle: 'medium', timeStyle: 'medium' }),
    zone: of({ timeZoneName: 'short' }),
  };
}

let inUtc = kept(IN_UTC, false);
let formats = formatsOf(inUtc ? 'UTC' : undefined);

/** Whether moments are shown in UTC, and not in the zone of this browser. */
export const timesAreInUtc = (): boolean => inUtc;

/** Shows moments in UTC, or in the zone of this browser, from the next time they are drawn. */
export function showTimesInUtc(yes: boolean): void {
  inUtc = yes;
  keep(IN_UTC, yes);
  formats = formatsOf(yes ? 'UTC' : undefined);
}

/** What the zone is called that moments are shown in, such as UTC or CET. */
export const zoneName = (now = new Date()): string =>
  formats.zone.formatToParts(now).find(({ type }) => type === 'timeZoneName')?.value ?? '';

const number = new Intl.NumberFormat();
const utcDay = new Intl.DateTimeFormat(undefined, {
  weekday: 'short',
  day: 'numeric',
  timeZone: 'UTC',
});
const ago = new Intl.RelativeTimeFormat(undefined, { numeric: 'auto' });

export const formatNumber = (value: number): string => number.format(value);

/** A decimal as the server writes it, with groups, and never through a float. */
export function formatDecimal(text: string): string {
  const [whole = '0', rest] = text.split('.');
  const grouped = whole.replace(/\B(?=(\d{3})+(?!\d))/g, ',');
  return rest ? `${grouped}.${rest}` : grouped;
}

/** What is no moment stays as it is written: addresses can hold anything. */
function written(at: string, format: (date: Date) => string): string {
  const date = new Date(at);
  return Number.isNaN(date.getTime()) ? at : format(date);
}

export const formatMoment = (at: string): string => written(at, formats.moment.format);

/** The time alone for today, the day as well for anything else. */
export function formatTime(at: string, now = new Date()): string {
  return written(at, (date) => {
    const today = formats.day.format(date) === formats.day.format(now);
    return (today ? formats.time : formats.moment).format(date);
  });
}

/** A day that begins at midnight in UTC, such as "Mon 16". */
export const formatUtcDay = (at: string): string => written(at, utcDay.format);

export const formatDay = (at: string): string => written(at, formats.day.format);

const UNITS: [Intl.RelativeTimeFormatUnit, number][] = [
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
  ['second', 1],
];

/** How far away a moment is, such as "in 3 days" or "5 minutes ago". */
export function formatDistance(at: string, now = Date.now()): string {
  return written(at, (date) => {
    const seconds = Math.round((date.getTime() - now) / 1000);
    const [unit, size] = UNITS.find(([, length]) => Math.abs(seconds) >= length) ?? ['second', 1];
    return ago.format(Math.trunc(seconds / size), unit);
  });
}

export function formatMicros(micros: number): string {
  if (micros < 1000) return `${micros} µs`;
  if (micros < 1_000_000) return `${(micros / 1000).toFixed(micros < 10_000 ? 1 : 0)} ms`;
  return `${(micros / 1_000_000).toFixed(1)} s`;
}

/** The moment so many days from now, as the server reads it. */
export const inDays = (days: number): string =>
  new Date(Date.now() + days * 86_400_000).toISOString();
