// The one way to the API: a client whose types are generated from the API's own description.
import createFetchClient, { type Middleware } from 'openapi-fetch';
import createQueryClient from 'openapi-react-query';
import type { AgreedPaths } from './agreed';
import type { components, paths } from './schema';

export type Schemas = components['schemas'];
export type Problem = Schemas['Problem'];

type Paths = paths & Omit<AgreedPaths, keyof paths>;

/** What the server, or the way to it, refused; `status` 0 when nothing answered. */
export class Refused extends Error {
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.detail);
    this.problem = problem;
  }

  get status(): number {
    return this.problem.status;
  }
}

const unreadable = (status: number, detail: string): Problem => ({
  type: 'about:blank',
  title: status === 0 ? 'The server does not answer' : 'The answer cannot be read',
  status,
  detail,
  code: status === 0 ? 'no_answer' : 'unreadable',
  request_id: '',
  errors: [],
});

type Listener = () => void;
const lost = new Set<Listener>();

/** Tells when a request was refused because nobody is signed in any more. */
export function onSignedOut(listener: Listener): () => void {
  lost.add(listener);
  return () => lost.delete(listener);
}

const asRefused: Middleware = {
  async onResponse({ response, schemaPath }) {
    if (response.ok) return undefined;
    const own = schemaPath.startsWith('/api/v1/sign-in') || schemaPath.startsWith('/api/v1/setup');
    if (response.status === 401 && !own && schemaPath !== '/api/v1/me') {
      lost.forEach((listener) => listener());
    }
    const kind = response.headers.get('content-type') ?? '';
    if (!kind.includes('json')) {
      throw new Refused(
        unreadable(response.status, `The answer has the status ${response.status}.`),
      );
    }
    const body = (await response.json()) as Problem | { status: string };
    // How the instance is comes with a status of its own and is an answer all the same.
    if (schemaPath === '/api/v1/health') return Response.json(body);
    throw new Refused({ ...(body as Problem), errors: (body as Problem).errors ?? [] });
  },
  onError({ error }) {
    if (error instanceof Refused) return error;
    return new Refused(unreadable(0, 'Your changes are still here; nothing was sent.'));
  },
};

export const http = createFetchClient<Paths>({ baseUrl: globalThis.location?.origin ?? '' });
http.use(asRefused);

export const api = createQueryClient(http);

/** The problem inside whatever a query or a change failed with. */
export function problemOf(error: unknown): Problem {
  if (error instanceof Refused) return error.problem;
  if (typeof error === 'object' && error !== null && 'request_id' in error) return error as Problem;
  return unreadable(0, error instanceof Error ? error.message : 'Something went wrong here.');
}
