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

/** Whose page this is, once the server has said so. */
let member: string | undefined;

/** Somebody else has signed in with this browser: nothing of the one before stays on the screen. */
function beginAnew(): void {
  // At once, and even where the browser asks first whether to leave the page.
  document.body.replaceChildren();
  location.reload();
}

/** The windows of a browser tell each other that somebody signed in or out. */
const windows = 'BroadcastChannel' in globalThis ? new BroadcastChannel('countersign') : undefined;
windows?.addEventListener('message', () => {
  // The answer says whether this is still the same person; whoever is not known yet has nothing here.
  if (member !== undefined) http.GET('/api/v1/session', {}).catch(() => undefined);
});

const asMember: Middleware = {
  onRequest({ request, schemaPath }) {
    if (member !== undefined && !OWN.test(schemaPath))
      request.headers.set('countersign-member', member);
    return undefined;
  },
  async onResponse({ request, response, schemaPath }) {
    if (!response.ok) return;
    const left = request.method === 'DELETE' && /^\/api\/v1\/sessions?$/.test(schemaPath);
    const came = request.method === 'POST' && OWN.test(schemaPath);
    if (left) member = undefined;
    if (left || came) windows?.postMessage('session');
    if (request.method !== 'GET' || schemaPath !== '/api/v1/me') return;
    const { member: found } = (await response.clone().json()) as Schemas['Me'];
    if (member !== undefined && member !== found.id) beginAnew();
    member = found.id;
  },
};

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
    if (problem?.code === 'other_member') beginAnew();
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
http.use(asWhole, asMember, asRefused);

export const api = createQueryClient(http);

/** The problem inside whatever a query or a change failed with. */
export function problemOf(error: unknown): Problem {
  if (error instanceof Refused) return error.problem;
  if (typeof error === 'object' && error !== null && 'request_id' in error) return error as Problem;
  return unreadable(0, error instanceof Error ? error.message : 'Something went wrong here.');
}
