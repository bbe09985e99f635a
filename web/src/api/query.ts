// How long answers count as fresh, and when a failed request is tried again.
import { QueryClient } from '@tanstack/react-query';
import { Refused } from './client';

const again = (count: number, error: unknown) => {
  const status = error instanceof Refused ? error.status : 0;
  return (status === 0 || status >= 500) && count < 2;
};

export const queries = new QueryClient({
  defaultOptions: {
    queries: { staleTime: 15_000, gcTime: 30 * 60_000, retry: again, retryDelay: 800 },
    mutations: { retry: false },
  },
});
