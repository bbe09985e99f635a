// How long answers count as fresh, and when a failed request is tried again.
import { MutationCache, type Query, QueryClient } from '@tanstack/react-query';
import { Refused } from './client';

const again = (count: number, error: unknown) => {
  const status = error instanceof Refused ? error.status : 0;
  return (status === 0 || status >= 500) && count < 2;
};

/**
 * A client that lets no answer from before a change stand after it. The library's own drops what is on
 * its way only where something is known already; a first answer that left the server just before the
 * change would be shown as what is so now.
 */
export class Queries extends QueryClient {
  override async invalidateQueries(
    ...[filters, options]: Parameters<QueryClient['invalidateQueries']>
  ): Promise<void> {
    const first = (query: Query) =>
      query.state.data === undefined && (filters?.predicate?.(query) ?? true);
    // Both begin at once: nothing comes between the drop and the next asking.
    const dropped = this.cancelQueries({ ...filters, fetchStatus: 'fetching', predicate: first });
    const asked = super.invalidateQueries(filters, options);
    await Promise.all([dropped, asked]);
  }
}

export const queries: Queries = new Queries({
  mutationCache: new MutationCache({
    onError: (error) => {
      // Somebody else was first: what they made of it is what is shown, and what the next try is about.
      if (error instanceof Refused && error.problem.code === 'stale')
        void queries.invalidateQueries({ queryKey: ['get'] });
    },
  }),
  defaultOptions: {
    queries: { staleTime: 15_000, gcTime: 30 * 60_000, retry: again, retryDelay: 800 },
    mutations: { retry: false },
  },
});
