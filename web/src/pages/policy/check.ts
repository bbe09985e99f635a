// The server's word on a draft: asked a moment after the last change, never twice for one text.
import { useEffect, useState } from 'react';
import { api, type Schemas } from '../../api/client';

export interface Checked {
  problems: Schemas['Fault'][];
  warnings: Schemas['Fault'][];
  pending: boolean;
  /** Why the server gave no word. */
  error: unknown;
}

const PAUSE = 250;

export function useCheck(text: string, server: string | undefined, allowed: boolean): Checked {
  const [asked, setAsked] = useState(text);
  useEffect(() => {
    const timer = setTimeout(() => setAsked(text), PAUSE);
    return () => clearTimeout(timer);
  }, [text]);
  const query = api.useQuery(
    'post',
    '/api/v1/policies/check',
    { body: { text: asked, server: server ?? null } },
    { staleTime: 60_000, gcTime: 60_000, enabled: allowed, placeholderData: (before) => before },
  );
  return {
    problems: query.data?.problems ?? [],
    warnings: query.data?.warnings ?? [],
    pending: allowed && (query.isFetching || asked !== text),
    error: query.error,
  };
}
