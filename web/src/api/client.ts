// The one way to the API: a client whose types are generated from the API's own description.
import createFetchClient, { type Middleware } from 'openapi-fetch';
import createQueryClient from 'openapi-react-query';
import { ask, made, type Missing } from './again';
import type { components, paths } from './schema';
import { asksForAll, readOn } from './whole';

export type Schemas = components['schemas'];
export type Problem = Schemas['Problem'];

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

/** Requests that ask who somebody is before there is a session. */
const OWN = /^\/api\/v1\/(sign-in|setup|invites|me$)/;

/** What the person could do so that the same request is carried out. */
function missing(code: string, schemaPath: string): Missing | undefined {
  if (code === 'reauthentication_required') return 'proof';
  if (code === 'unauthenticated' && !OWN.test(schemaPath)) return 'session';
  return undefined;
}

/** Requests as they went out, so that one can go out again. */
const sent = new Map<string, Request>();

async function judged(response: Response, schemaPath: string): Promise<Problem | undefined> {
  if (response.ok) return undefined;
  const kind = response.headers.get('content-type') ?? '';
  if (!kind.includes('json')) {
    return unreadable(response.status, `The answer has the status ${response.status}.`);
  }
  const body = (await response.clone().json()) as Problem;
  // How the instance is comes with a status of its own and is an answer all the same.
  if (schemaPath === '/api/v1/health') return undefined;
  return { ...body, errors: body.errors ?? [] };
}

const asRefused: Middleware = {
  onRequest({ request, id }) {
    if (request.method !== 'GET') sent.set(id, request.clone());
    return undefined;
  },
  async onResponse({ response, schemaPath, id, options }) {
    const kept = sent.get(id);
    sent.delete(id);
    let answer = response;
    let problem = await judged(answer, schemaPath);
    const lack = problem && missing(problem.code, schemaPath);
    if (lack && kept) {
      // What is typed stays where it is; the request waits for the person and goes out again.
      if (await made(lack)) {
        // Called by itself: a browser's own refuses to be the method of another object.
        const { fetch: send } = options;
        answer = await send(kept);
        problem = await judged(answer, schemaPath);
      }
    } else if (lack) {
      ask(lack);
    }
    if (problem) throw new Refused(problem);
    if (schemaPath === '/api/v1/health' && !answer.ok) return Response.json(await answer.json());
    return answer === response ? undefined : answer;
  },
  onError({ error, id }) {
    sent.delete(id);
    if (error instanceof Refused) return error;
    return new Refused(unreadable(0, 'Your changes are still here; nothing was sent.'));
  },
};

/** A list that is wanted whole arrives as one, however many pages it has. */
const asWhole: Middleware = {
  async onResponse({ request, response, schemaPath, options }) {
    if (!response.ok || !asksForAll(request)) return undefined;
    const { fetch: send } = options;
    return readOn(response, request, async (further) => {
      const answer = await send(further);
      const problem = await judged(answer, schemaPath);
      if (problem) throw new Refused(problem);
      return answer;
    });
  },
};

export const http = createFetchClient<paths>({ baseUrl: globalThis.location?.origin ?? '' });
// Answers pass the last first: what was refused never counts as a page.
http.use(asWhole, asRefused);

export const api = createQueryClient(http);

/** The problem inside whatever a query or a change failed with. */
export function problemOf(error: unknown): Problem {
  if (error instanceof Refused) return error.problem;
  if (typeof error === 'object' && error !== null && 'request_id' in error) return error as Problem;
  return unreadable(0, error instanceof Error ? error.message : 'Something went wrong here.');
}
