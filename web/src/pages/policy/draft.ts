// The draft of a policy: kept in this browser with every change, and with the version it began from.
import { useCallback, useEffect, useRef, useState } from 'react';
import { forget, keep, kept } from '../../lib/settings';

interface Kept {
  /** The number of the version that was edited. */
  base: number;
  text: string;
  cases: string | null;
}

export interface Draft extends Kept {
  /** Whether anything differs from the version it began from. */
  changed: boolean;
  setText: (text: string) => void;
  setCases: (cases: string | null) => void;
  undo: (() => void) | undefined;
  /** Throws the changes away and begins from another version. */
  begin: (base: number, text: string, cases: string | null) => void;
  /** Puts the changes on top of a newer version. */
  rebase: (base: number) => void;
}

const UNDO_MAX = 200;

export function useDraft(policy: string, live: Kept): Draft {
  const name = `draft.${policy}`;
  const [state, setState] = useState<Kept>(() => {
    const before = kept<Kept | null>(name, null);
    return before && typeof before.text === 'string' ? before : live;
  });
  const [past, setPast] = useState<string[]>([]);
  const changed =
    state.text !== live.text || state.cases !== live.cases || state.base !== live.base;
  const first = useRef(true);
  useEffect(() => {
    // What was only read is not a draft.
    if (first.current) {
      first.current = false;
      return;
    }
    if (changed) keep(name, state);
    else forget(name);
  }, [name, state, changed]);

  const setText = useCallback((text: string) => {
    setState((before) => {
      if (before.text === text) return before;
      setPast((all) => [...all.slice(-UNDO_MAX), before.text]);
      return { ...before, text };
    });
  }, []);
  const undo = useCallback(() => {
    setPast((all) => {
      const last = all.at(-1);
      if (last !== undefined) setState((before) => ({ ...before, text: last }));
      return all.slice(0, -1);
    });
  }, []);
  return {
    ...state,
    changed,
    setText,
    setCases: (cases) => setState((before) => ({ ...before, cases })),
    undo: past.length > 0 ? undo : undefined,
    begin: (base, text, cases) => {
      setPast((all) => [...all, state.text]);
      setState({ base, text, cases });
    },
    rebase: (base) => setState((before) => ({ ...before, base })),
  };
}
