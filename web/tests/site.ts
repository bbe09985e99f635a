// An MCP server that wants OAuth tokens, and its authorization server, in one: people consent on a page
// with two links, clients are registered for whoever asks, and tokens are good until they are ended.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Site {
  /** The address of its MCP endpoint. */
  url: string;
  issuer: string;
  /** Ends every token, so that somebody has to consent again. */
  revoke: () => void;
  /** Refuses calls of tools for want of a scope from now on. */
  want: (scope: string) => void;
  end: () => void;
}

const TOOL = {
  name: 'list_orders',
  description: 'Lists orders',
  inputSchema: { type: 'object', properties: { limit: { type: 'integer' } } },
};

const json = (response: ServerResponse, status: number, body: unknown, head = {}) =>
  response
    .writeHead(status, { 'content-type': 'application/json', ...head })
    .end(JSON.stringify(body));

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const part of request) text += String(part);
  return text;
}

function resultOf(method: string): Record<string, unknown> | undefined {
  if (method === 'server/discover')
    return {
      supportedVersions: ['2026-07-28'],
      capabilities: { tools: {} },
      serverInfo: { name: 'orders', version: '1' },
      ttlMs: 0,
      cacheScope: 'public',
    };
  if (method === 'tools/list') return { tools: [TOOL], ttlMs: 0, cacheScope: 'public' };
  if (method === 'tools/call') return { content: [{ type: 'text', text: 'no orders' }] };
  return undefined;
}

export async function site(): Promise<Site> {
  let issuer = '';
  let made = 0;
  let wanted = '';
  const good = new Set<string>();
  const metadata = () => ({
    issuer,
    authorization_endpoint: `${issuer}/authorize`,
    token_endpoint: `${issuer}/token`,
    registration_endpoint: `${issuer}/register`,
    token_endpoint_auth_methods_supported: ['none', 'client_secret_post', 'client_secret_basic'],
    code_challenge_methods_supported: ['S256'],
    authorization_response_iss_parameter_supported: true,
  });
  const mcp = (request: IncomingMessage, response: ServerResponse, text: string) => {
    const token = request.headers.authorization?.replace('Bearer ', '') ?? '';
    if (!good.has(token)) {
      const where = `${issuer}/.well-known/oauth-protected-resource/mcp`;
      response.writeHead(401, { 'www-authenticate': `Bearer resource_metadata="${where}"` }).end();
      return;
    }
    if (request.method !== 'POST') {
      response.writeHead(405).end();
      return;
    }
    const asked = JSON.parse(text) as { id?: number; method: string };
    if (wanted && asked.method === 'tools/call') {
      const challenge = `Bearer error="insufficient_scope", scope="${wanted}"`;
      response.writeHead(403, { 'www-authenticate': challenge }).end();
      return;
    }
    const result = resultOf(asked.method);
    if (asked.id === undefined) response.writeHead(202).end();
    else if (result)
      json(response, 200, {
        jsonrpc: '2.0',
        id: asked.id,
        result: { ...result, resultType: 'complete' },
      });
    else
      json(response, 404, {
        jsonrpc: '2.0',
        id: asked.id,
        error: { code: -32601, message: 'unknown method' },
      });
  };
  const token = (response: ServerResponse, text: string) => {
    const given = new URLSearchParams(text);
    const kind = given.get('grant_type');
    const known = kind !== 'refresh_token' || good.has(given.get('refresh_token') ?? '');
    if (!known) return json(response, 400, { error: 'invalid_grant' });
    made += 1;
    const [access, refresh] = [`access-canary-${made}`, `refresh-canary-${made}`];
    good.add(access).add(refresh);
    return json(response, 200, {
      access_token: access,
      token_type: 'Bearer',
      expires_in: 3600,
      ...(kind === 'client_credentials' ? {} : { refresh_token: refresh }),
    });
  };
  const server = createServer((request, response) => {
    void bodyOf(request).then((text) => {
      const url = new URL(request.url ?? '/', issuer);
      if (url.pathname === '/mcp') mcp(request, response, text);
      else if (url.pathname === '/.well-known/oauth-protected-resource/mcp')
        json(response, 200, {
          resource: `${issuer}/mcp`,
          authorization_servers: [issuer],
          scopes_supported: ['orders:read'],
        });
      else if (url.pathname === '/.well-known/oauth-authorization-server')
        json(response, 200, metadata());
      else if (url.pathname === '/register') json(response, 201, { client_id: 'made-for-us' });
      else if (url.pathname === '/token') token(response, text);
      else if (url.pathname === '/authorize') {
        const back = (query: string) =>
          `${url.searchParams.get('redirect_uri')}?state=${url.searchParams.get('state')}` +
          `&iss=${encodeURIComponent(issuer)}&${query}`;
        response
          .writeHead(200, { 'content-type': 'text/html' })
          .end(
            `<h1>Orders</h1><a href="${back('code=c0de')}">Allow</a> ` +
              `<a href="${back('error=access_denied')}">Refuse</a>`,
          );
      } else response.writeHead(404).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url: `${issuer}/mcp`,
    issuer,
    revoke: () => good.clear(),
    want: (scope) => (wanted = scope),
    end: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
