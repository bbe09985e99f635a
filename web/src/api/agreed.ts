// Routes of signing in, as they are agreed; each moves to the generated types when it is described.
import type { components } from './schema';

type Problem = components['schemas']['Problem'];

interface Answer<T> {
  200: { headers: Record<string, unknown>; content: { 'application/json': T } };
  '4XX': { headers: Record<string, unknown>; content: { 'application/problem+json': Problem } };
}

interface NoParameters {
  query?: never;
  header?: never;
  path?: never;
  cookie?: never;
}

interface Route<T, B = never> {
  parameters: NoParameters;
  requestBody: [B] extends [never] ? never : { content: { 'application/json': B } };
  responses: Answer<T>;
}

interface Read<T> {
  parameters: NoParameters;
  requestBody?: never;
  responses: Answer<T>;
}

export interface SignInWays {
  setup: boolean;
  password: boolean;
  passkey: boolean;
  oidc: { id: string; name: string }[];
}

export interface Session {
  member: { id: string; email: string; name: string; role: string; groups: string[] };
}

export interface AgreedPaths {
  '/api/v1/sign-in': { parameters: NoParameters; get: Read<SignInWays> };
  '/api/v1/setup': {
    parameters: NoParameters;
    post: Route<Session, { token: string; email: string; name: string; password: string }>;
  };
  '/api/v1/sign-in/password': {
    parameters: NoParameters;
    post: Route<Session, { email: string; password: string }>;
  };
  '/api/v1/session': { parameters: NoParameters; get: Read<Session>; delete: Read<null> };
  '/api/v1/session/fresh': { parameters: NoParameters; post: Route<null, { password: string }> };
}
