// A real authorization server (oidc-provider, as its authors certify it): access tokens that live for seconds, refresh
// tokens that rotate and whose second use ends everything, registration, clients that ask for themselves. It counts.
import { createServer } from 'node:http';
import Provider, { errors } from 'oidc-provider';
import { createMemoryAdapter } from 'oidc-provider/lib/adapters/memory_adapter.js';

/** The scope that the server's tools want. */
export const SCOPE = 'notes:read';

/** The secret of the clients that were made beforehand: with everything in it that has to be spelled. */
export const SECRET = 'a secret with spaces & signs: %+/:';

/**
 * Starts the provider.
 *
 * - `life`: seconds an access token lives.
 * - `grace`: seconds in which a used refresh token is taken once more; 0: its second use ends the consent.
 * - `redirectUri`: where the client that was made beforehand comes back to.
 * - `key`: the public key (JWK) of the client that signs statements.
 */
export async function provide({ life, grace = 0, redirectUri, key }) {
  const server = createServer();
  await new Promise((ready) => server.listen(0, '127.0.0.1', ready));
  const issuer = `http://localhost:${server.address().port}`;
  const kept = storage(grace);
  const resources = new Set();
  const itself = { response_types: [], grant_types: ['client_credentials'], redirect_uris: [] };
  const provider = new Provider(issuer, {
    adapter: kept.adapter,
    clients: [
      { client_id: 'made-beforehand', client_secret: SECRET, grant_types: ['authorization_code', 'refresh_token'], redirect_uris: [redirectUri] },
      { client_id: 'robot', client_secret: SECRET, ...itself },
      { client_id: 'signing-robot', token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [key] }, ...itself },
      { client_id: 'the-server', client_secret: 'introspects', ...itself },
    ],
    scopes: ['openid', 'offline_access', SCOPE],
    clientAuthMethods: ['none', 'client_secret_basic', 'client_secret_post', 'private_key_jwt'],
    pkce: { required: () => true },
    cookies: { keys: ['only for tests'] },
    rotateRefreshToken: true,
    issueRefreshToken: (_, client) => client.grantTypeAllowed('refresh_token'),
    ttl: { AccessToken: life, ClientCredentials: life, RefreshToken: 86_400, Grant: 86_400, Interaction: 600, Session: 600 },
    features: {
      devInteractions: { enabled: true },
      registration: { enabled: true },
      clientCredentials: { enabled: true },
      introspection: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_, resource) => {
          if (!resources.has(resource)) throw new errors.InvalidTarget();
          return { scope: SCOPE, audience: resource, accessTokenTTL: life };
        },
      },
    },
    findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  });

  /** What was asked at the token endpoint, in order: the kind, the client, whether tokens were given, the moment. */
  const asked = [];
  const note = (given) => (ctx) => {
    const { params, client } = ctx.oidc;
    asked.push({ kind: params?.grant_type, client: client?.clientId, method: client?.clientAuthMethod, token: params?.refresh_token, given, at: Date.now() });
  };
  provider.on('grant.success', note(true));
  provider.on('grant.error', note(false));
  provider.on('server_error', (_, error) => console.error('provider:', error));

  // What happens to an answer with tokens on its way out: a fault that a test asks for.
  let fault;
  provider.use(async (ctx, next) => {
    await next();
    if (ctx.path === '/token' && ctx.status === 200 && fault) {
      const now = fault;
      fault = undefined;
      now(ctx.res);
    }
  });
  server.on('request', provider.callback());

  return {
    issuer,
    asked,
    /** How often tokens were given for a refresh token, and how often they were not. */
    refreshes: (given = true) => asked.filter((of) => of.kind === 'refresh_token' && of.given === given).length,
    /** Tokens are given out for the server at this address. */
    takes: (resource) => void resources.add(resource),
    /** The next answer with tokens goes through this. */
    faultOnce: (does) => void (fault = does),
    revokeConsents: kept.revokeConsents,
    endAccessTokens: kept.endAccessTokens,
    close: () => server.closeAllConnections() || server.close(),
  };
}

/** The provider's own storage in memory, for one provider, with what its account page and its operator can do. */
function storage(grace) {
  const inner = createMemoryAdapter();
  const [consents, accesses] = [new Set(), new Set()];
  const adapter = (model) => {
    const of = inner(model);
    const { upsert, find } = { upsert: of.upsert.bind(of), find: of.find.bind(of) };
    of.upsert = (id, payload, seconds) => {
      if (model === 'Grant') consents.add(id);
      if (model === 'AccessToken' || model === 'ClientCredentials') accesses.add([model, id]);
      return upsert(id, payload, seconds);
    };
    if (model === 'RefreshToken' && grace > 0) {
      of.find = async (id) => {
        const token = await find(id);
        return token?.consumed && Date.now() / 1000 < token.consumed + grace ? { ...token, consumed: undefined } : token;
      };
    }
    return of;
  };
  return {
    adapter,
    /** What a person does on their account page: every consent is taken back, and its tokens are good no more. */
    async revokeConsents() {
      for (const id of consents) {
        await inner('AccessToken').revokeByGrantId(id);
        await inner('Grant').destroy(id);
      }
      consents.clear();
    },
    /** Ends the access tokens before their time, and nothing else. */
    async endAccessTokens() {
      for (const [model, id] of accesses) await inner(model).destroy(id);
      accesses.clear();
    },
  };
}
