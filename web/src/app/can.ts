// What the person may do, as the server says it; nothing here knows what a role means.
import { api } from '../api/client';
import type { operations } from '../api/schema';
import { t } from '../text/core';

export type Operation = keyof operations;

export interface Permission {
  allowed: boolean;
  /** Who can, for the person who cannot; empty when they can. */
  reason: string;
  /** What was asked about. */
  operation?: Operation;
  /** The name of the answer, where the server gave one with the object itself. */
  answer?: string;
}

/** What the server says under `name` of an object's `can`: it depends on more than the role. */
export const canOf = (can: Record<string, boolean>, name: string): Permission => {
  const allowed = can[name] === true;
  return { answer: name, allowed, reason: allowed ? '' : t.can.needs('admin') };
};

/** Asks the server once what the person may do, and answers operation by operation. */
export function useCan(): (operation: Operation) => Permission {
  const { data } = api.useQuery('get', '/api/v1/permissions', {}, { staleTime: 60_000 });
  return (operation) => {
    const known = data?.operations[operation];
    if (!known) {
      return { operation, allowed: false, reason: data ? t.can.notOffered : t.can.notKnownYet };
    }
    const { allowed, role } = known;
    return { operation, allowed, reason: allowed ? '' : t.can.needs(role) };
  };
}
