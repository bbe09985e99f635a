// How far the first run came, from what is there: any browser goes on where another left it.

export const STEPS = ['admin', 'server', 'credential', 'policy', 'grant', 'call'] as const;
export type FirstStep = (typeof STEPS)[number];

interface Given {
  id: string;
  state: string;
  expired: boolean;
  created_at: string;
  last_call_at?: string | null;
}

/** Whether an agent may call with it now. */
const living = ({ state, expired }: Given): boolean => state === 'active' && !expired;

/** The grant that the first run goes on with: the newest that waits for its first call, or the newest. */
export function grantToGoOn<T extends Given>(grants: readonly T[]): T | undefined {
  const newest = grants
    .filter(living)
    .sort((a, b) => Date.parse(b.created_at) - Date.parse(a.created_at));
  return newest.find((grant) => !grant.last_call_at) ?? newest[0];
}

interface There {
  server: boolean;
  /** Whether the server has a credential, lists its tools without one, or somebody said it needs none. */
  credential: boolean;
  policy: boolean;
  grants: readonly Given[];
}

/** What is done. Whoever went on without a credential is not asked for one again. */
export function doneOf({ server, credential, policy, grants }: There): Record<FirstStep, boolean> {
  const grant = grantToGoOn(grants) !== undefined;
  return {
    admin: true,
    server,
    credential: server && (credential || policy || grant),
    policy,
    grant,
    call: grants.some((one) => Boolean(one.last_call_at)),
  };
}

/** The step at hand; none once all are done. */
export const stepAtHand = (done: Record<FirstStep, boolean>): FirstStep | undefined =>
  STEPS.find((step) => !done[step]);
