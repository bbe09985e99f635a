// @vitest-environment happy-dom
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { settle } from '../api/again';
import { keepOpen } from './tail';

/** A stream as a browser has it, driven by hand: a real one cannot be refused on command. */
class Line {
  static readonly CLOSED = 2;
  static all: Line[] = [];
  readyState = 0;
  onopen: (() => void) | null = null;
  onerror: (() => void) | null = null;
  addEventListener = () => undefined;
  constructor() {
    Line.all.push(this);
  }
  connects() {
    this.readyState = 1;
    this.onopen?.();
  }
  breaks() {
    this.readyState = 0;
    this.onerror?.();
  }
  refused() {
    this.readyState = Line.CLOSED;
    this.onerror?.();
  }
  close() {
    this.readyState = Line.CLOSED;
  }
}

const last = (): Line => {
  const line = Line.all.at(-1);
  if (!line) throw new Error('no stream');
  return line;
};

let said: string[] = [];
let missed = 0;
let close = () => {};
beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal('EventSource', Line);
  Line.all = [];
  said = [];
  missed = 0;
  close = keepOpen('/tail', {
    call: () => undefined,
    outcome: () => undefined,
    stream: (stream) => said.push(stream),
    missed: () => (missed += 1),
  });
});
afterEach(() => {
  close();
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

test('a line that breaks is the browser’s to mend', () => {
  last().connects();
  last().breaks();
  vi.advanceTimersByTime(60_000);
  expect(Line.all).toHaveLength(1);
  last().connects();
  expect(said).toEqual(['live', 'lost', 'live']);
  expect(missed).toBe(0);
});

test('a refused stream is asked for again, less and less often, and says what it may have missed', () => {
  last().connects();
  last().breaks();
  const waits = [1, 2, 4, 8, 16, 30, 30];
  for (const [at, seconds] of waits.entries()) {
    last().refused();
    vi.advanceTimersByTime(seconds * 1000 - 1);
    expect(Line.all, `before ${seconds} s`).toHaveLength(at + 1);
    vi.advanceTimersByTime(1);
    expect(Line.all, `after ${seconds} s`).toHaveLength(at + 2);
  }
  last().connects();
  expect(said.at(-1)).toBe('live');
  expect(missed).toBe(1);
  last().refused();
  vi.advanceTimersByTime(1_000);
  expect(Line.all).toHaveLength(waits.length + 2);
});

test('a refused stream comes back at once when the session is open again, and never once it is closed', () => {
  last().refused();
  settle('session', false);
  expect(Line.all).toHaveLength(1);
  settle('session', true);
  expect(Line.all).toHaveLength(2);
  vi.advanceTimersByTime(60_000);
  expect(Line.all).toHaveLength(2);
  last().refused();
  close();
  vi.advanceTimersByTime(60_000);
  settle('session', true);
  expect(Line.all).toHaveLength(2);
});
