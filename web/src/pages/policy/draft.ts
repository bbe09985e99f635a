// The draft of a policy: kept by the server a moment after the last change. Two people who edit one
// policy cannot overwrite each other, and no text is lost: what could not be kept stays here.
import { useCallback, useEffect, useRef, useState } from 'react';
import { http, Refused, type Schemas } from '../../api/client';
import { bodyWith, pretty, rawMember } from '../../lib/raw';
import { forget, keep, kept, UNSENT } from '../../lib/settings';

/** What a draft holds; the cases as they are typed. */
export interface Texts {
  text: string;
  cases: string | null;
}

/** A draft as the server keeps it; revision 0: there is none, and this is the live version. */
export interface Stored extends Texts {
  revision: number;
  /** The number of the version it was begun from. */
  base: number;
  author: string;
  at: string;
}

/** Somebody else's draft, which came first. */
export interface Clash {
  theirs: Stored | undefined;
}

/** What the page says of the keeping. */
export type Keeping = 'kept' | 'waits' | 'sending' | 'failed' | 'clash' | 'cases';

export interface Draft extends Texts {
  base: number;
  revision: number;
  author: string;
  at: string;
  /** Whether there is anything to publish or to discard. */
  changed: boolean;
  keeping: Keeping;
  error: unknown;
  clash: Clash | undefined;
  setText: (text: string) => void;
  setCases: (cases: string | null) => void;
  undo: (() => void) | undefined;
  redo: (() => void) | undefined;
  /** Begins from other texts, such as those of an old version. */
  begin: (texts: Texts) => void;
  /** Keeps what waits; answers the revision that stands then. */
  flush: () => Promise<number>;
  /** Throws the draft away. */
  discard: () => Promise<void>;
  /** Ends a clash with one of the two texts; the other can be had back by undoing. */
  settle: (whose: 'mine' | 'theirs') => void;
  /** Puts the draft on top of the version that is live now. */
  rebase: () => Promise<void>;
  /** The draft was published, or another version is live. */
  reset: (live: Stored) => void;
}

/** What a browser keeps of texts that the server does not have, and the revision they were written over. */
interface Unsent extends Texts {
  revision: number;
}

/** A revision that no draft has: a clash that nobody has settled stays one. */
const UNSETTLED = -1;

const PAUSE = 700;
const UNDO_MAX = 200;

export const etag = (revision: number): string => `"${revision}"`;

/** How many cases there are; none while the list cannot be read. */
export function countOf(cases: string | null): number {
  const list = listOf(cases);
  return list === undefined ? 0 : (JSON.parse(list) as unknown[]).length;
}

/** Cases as a list in JSON, or nothing where they are not. */
export function listOf(cases: string | null): string | undefined {
  if (cases === null || cases.trim() === '') return '[]';
  try {
    return Array.isArray(JSON.parse(cases)) ? cases : undefined;
  } catch {
    return undefined;
  }
}

/** Cases as they are shown: none is none, however it is kept. */
const shown = (raw: string | null): string | null => {
  if (raw === null) return null;
  const text = pretty(raw);
  return text.replace(/\s/g, '') === '[]' ? null : text;
};

const storedOf = (body: string): Stored => {
  const draft = JSON.parse(body) as Schemas['DraftOut'];
  const { text, revision, base, author, updated_at: at } = draft;
  return { text, cases: shown(rawMember(body, 'cases')), revision, base, author, at };
};

/** The draft of a policy as the server keeps it, or the live version where there is none. */
export async function loadDraft(
  id: string,
  live: { latest: number; blank: string },
): Promise<Stored> {
  const path = { id };
  try {
    const found = await http.GET('/api/v1/policies/{id}/draft', {
      params: { path },
      parseAs: 'text',
    });
    if (found.data !== undefined) return storedOf(found.data as unknown as string);
  } catch (error) {
    if (!(error instanceof Refused) || error.status !== 404) throw error;
  }
  return loadLive(id, live);
}

/** The live version as the beginning of a draft. */
export async function loadLive(
  id: string,
  live: { latest: number; blank: string },
): Promise<Stored> {
  const none = { revision: 0, base: live.latest, author: '', at: '' };
  if (live.latest === 0) return { ...none, text: live.blank, cases: null };
  const { data } = await http.GET('/api/v1/policies/{id}/versions/{number}', {
    params: { path: { id, number: String(live.latest) } },
    parseAs: 'text',
  });
  const body = data as unknown as string;
  const { text } = JSON.parse(body) as Schemas['VersionWhole'];
  return { ...none, text, cases: shown(rawMember(body, 'cases')) };
}

/** Keeps texts over the draft of this revision. */
export async function putDraft(
  id: string,
  { text, cases }: { text: string; cases: string | undefined },
  revision: number,
): Promise<Stored> {
  const raw: Record<string, string> = cases === undefined ? {} : { cases };
  const over: Record<string, string> =
    revision === 0 ? { 'If-None-Match': '*' } : { 'If-Match': etag(revision) };
  const { data } = await http.PUT('/api/v1/policies/{id}/draft', {
    params: { path: { id }, header: over },
    body: { text },
    bodySerializer: (fields) => bodyWith(fields as Record<string, unknown>, raw),
    parseAs: 'text',
  });
  return storedOf(data as unknown as string);
}

const same = (a: Texts, b: Texts): boolean => a.text === b.text && a.cases === b.cases;

/**
 * The draft of a policy, as `member` edits it: what one person could not send is never another's.
 * `editable`: whether what is typed here is sent; otherwise what waits in this browser goes on waiting.
 */
export function useDraft(policy: string, member: string, first: Stored, editable = true): Draft {
  const name = `${UNSENT}${member}.${policy}`;
  const [stored, setStored] = useState(first);
  // What could not be sent when this browser was last here is looked at again.
  const [unsent] = useState(() => {
    const before = editable ? kept<Unsent | null>(name, null) : null;
    return typeof before?.text === 'string' && !same(before, first) ? before : undefined;
  });
  const [now, setNow] = useState<Texts>({
    text: unsent?.text ?? first.text,
    cases: unsent ? unsent.cases : first.cases,
  });
  const [past, setPast] = useState<Texts[]>([]);
  const [future, setFuture] = useState<Texts[]>([]);
  const [sending, setSending] = useState(false);
  const [error, setError] = useState<unknown>(null);
  // It was written over another draft than the one that stands there now.
  const [clash, setClash] = useState<Clash | undefined>(
    unsent && unsent.revision !== first.revision
      ? { theirs: first.revision > 0 ? first : undefined }
      : undefined,
  );
  // What stands now, for those who run between two renderings; every change writes both.
  const latest = useRef({ stored, now, clash });
  const turn = useRef<Promise<number> | undefined>(undefined);
  const dirty = !same(now, stored);

  useEffect(() => {
    if (!editable) return;
    if (dirty) keep(name, { ...now, revision: clash ? UNSETTLED : stored.revision });
    else forget(name);
  }, [name, now, dirty, clash, stored.revision, editable]);

  /** Sends what stands here, one at a time, until the server has it. */
  const flush = useCallback((): Promise<number> => {
    const send = async (): Promise<number> => {
      for (;;) {
        const { stored: before, now: texts, clash: barred } = latest.current;
        if (same(texts, before) || barred) return before.revision;
        const cases = listOf(texts.cases);
        // Cases that cannot be read are not sent; the text is, with those the server has.
        const sent = { text: texts.text, cases: cases ?? listOf(before.cases) };
        if (cases === undefined && texts.text === before.text) return before.revision;
        setSending(true);
        try {
          const made = await putDraft(policy, sent, before.revision);
          const next = {
            ...made,
            text: sent.text,
            cases: cases === undefined ? before.cases : texts.cases,
          };
          latest.current = { ...latest.current, stored: next };
          setStored(next);
          setError(null);
          if (cases === undefined) return next.revision;
        } catch (failed) {
          setError(failed);
          if (failed instanceof Refused && failed.status === 412) {
            const { current } = failed.problem as { current?: Schemas['DraftOut'] | null };
            const theirs = current
              ? {
                  text: current.text,
                  cases: current.cases ? shown(JSON.stringify(current.cases)) : null,
                  revision: current.revision,
                  base: current.base,
                  author: current.author,
                  at: current.updated_at,
                }
              : undefined;
            latest.current = { ...latest.current, clash: { theirs } };
            setClash({ theirs });
          }
          throw failed;
        } finally {
          setSending(false);
        }
      }
    };
    turn.current = (turn.current ?? Promise.resolve(0)).catch(() => 0).then(send);
    return turn.current;
  }, [policy]);

  useEffect(() => {
    if (!dirty || clash || !editable) return undefined;
    const timer = setTimeout(() => void flush().catch(() => undefined), error ? 5_000 : PAUSE);
    return () => clearTimeout(timer);
  }, [now, dirty, clash, error, flush, editable]);

  const change = useCallback((next: (before: Texts) => Texts) => {
    const before = latest.current.now;
    const after = next(before);
    if (same(before, after)) return;
    latest.current = { ...latest.current, now: after };
    setPast((all) => [...all.slice(-UNDO_MAX), before]);
    setFuture([]);
    setNow(after);
  }, []);

  const step = (
    from: Texts[],
    setFrom: (next: Texts[]) => void,
    setTo: (next: (all: Texts[]) => Texts[]) => void,
  ) => {
    const last = from.at(-1);
    if (!last) return undefined;
    return () => {
      const before = latest.current.now;
      setFrom(from.slice(0, -1));
      setTo((all) => [...all, before]);
      latest.current = { ...latest.current, now: last };
      setNow(last);
    };
  };

  const begin = (texts: Texts) => change(() => ({ text: texts.text, cases: texts.cases }));
  const reset = (live: Stored) => {
    const before = latest.current.now;
    const texts = { text: live.text, cases: live.cases };
    latest.current = { stored: live, now: texts, clash: undefined };
    setStored(live);
    setClash(undefined);
    setError(null);
    if (!same(before, texts)) setPast((all) => [...all.slice(-UNDO_MAX), before]);
    setNow(texts);
  };
  const drop = async (revision: number) => {
    await http.DELETE('/api/v1/policies/{id}/draft', {
      params: { path: { id: policy }, header: { 'If-Match': etag(revision) } },
    });
  };

  const keeping: Keeping = clash
    ? 'clash'
    : sending
      ? 'sending'
      : error
        ? 'failed'
        : !dirty
          ? 'kept'
          : listOf(now.cases) === undefined && now.text === stored.text
            ? 'cases'
            : 'waits';

  return {
    ...now,
    base: stored.base,
    revision: stored.revision,
    author: stored.author,
    at: stored.at,
    changed: stored.revision > 0 || dirty,
    keeping,
    error,
    clash,
    setText: useCallback((text) => change((before) => ({ ...before, text })), [change]),
    setCases: useCallback((cases) => change((before) => ({ ...before, cases })), [change]),
    undo: step(past, setPast, setFuture),
    redo: step(future, setFuture, setPast),
    begin,
    flush,
    discard: async () => {
      if (stored.revision > 0) await drop(stored.revision);
    },
    settle: (whose) => {
      const theirs = clash?.theirs;
      const next: Stored = theirs ?? { ...stored, revision: 0 };
      latest.current = { ...latest.current, stored: next, clash: undefined };
      setStored(next);
      setClash(undefined);
      setError(null);
      if (whose === 'theirs' && theirs) begin(theirs);
      else {
        if (theirs) setPast((all) => [...all, { text: theirs.text, cases: theirs.cases }]);
        void flush().catch(() => undefined);
      }
    },
    rebase: async () => {
      const { now: texts, stored: before } = latest.current;
      if (before.revision > 0) await drop(before.revision);
      const cases = listOf(texts.cases) ?? listOf(before.cases);
      const made = await putDraft(policy, { text: texts.text, cases }, 0);
      const next = { ...made, cases: texts.cases };
      latest.current = { ...latest.current, stored: next };
      setStored(next);
    },
    reset,
  };
}
