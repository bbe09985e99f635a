// Moments in fields of the browser, which know no zone: they hold them in the zone that is shown.
import { timesAreInUtc } from './format';

const two = (n: number): string => String(n).padStart(2, '0');

/** A moment as a field holds it, to the minute; nothing for what is none. */
export function toField(at: string | undefined, utc = timesAreInUtc()): string {
  const date = new Date(at ?? '');
  if (Number.isNaN(date.getTime())) return '';
  if (utc) return date.toISOString().slice(0, 16);
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day}T${two(date.getHours())}:${two(date.getMinutes())}`;
}

/** What a field holds as the server reads it; nothing while the field is not filled in. */
export function fromField(text: string, utc = timesAreInUtc()): string | undefined {
  const date = new Date(utc && text !== '' ? `${text}Z` : text);
  return Number.isNaN(date.getTime()) ? undefined : date.toISOString();
}
