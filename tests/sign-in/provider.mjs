// A real OpenID provider (oidc-provider, as its authors certify it) with two people, for these tests.
import { createServer } from 'node:http';
import Provider from 'oidc-provider';

const PEOPLE = {
  ada: { email: 'ada@example.org', email_verified: true, name: 'Ada Lovelace', groups: ['staff', 'security'] },
  eve: { email: 'eve@example.org', email_verified: true, name: 'Eve', groups: [] },
};

/** Starts the provider for a client that comes back to `redirectUri`. */
export async function provide(redirectUri) {
  const server = createServer();
  await new Promise((ready) => server.listen(0, '127.0.0.1', ready));
  const issuer = `http://localhost:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: [{
      client_id: 'countersign',
      client_secret: 'a secret with spaces & signs: %+/:',
      redirect_uris: [redirectUri],
      grant_types: ['authorization_code'],
      response_types: ['code'],
    }],
    claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name', 'groups'] },
    pkce: { required: () => true },
    cookies: { keys: ['only for tests'] },
    features: { devInteractions: { enabled: true } },
    findAccount: (_, id) => PEOPLE[id] && { accountId: id, claims: () => ({ sub: id, ...PEOPLE[id] }) },
  });
  provider.on('server_error', (_, error) => console.error('provider:', error));
  server.on('request', provider.callback());
  // The host that browsers and the client use is the name, so that cookies of the two stay apart by port alone.
  return { issuer, close: () => server.closeAllConnections() || server.close() };
}
