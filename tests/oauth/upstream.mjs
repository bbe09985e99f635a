// A real MCP server (the official SDK) that takes only the provider's tokens: it publishes RFC 9728, answers 401 with a
// challenge to everybody else, and asks the provider about each token (RFC 7662).
import { randomUUID } from 'node:crypto';
import { InvalidTokenError } from '@modelcontextprotocol/sdk/server/auth/errors.js';
import { requireBearerAuth } from '@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js';
import { getOAuthProtectedResourceMetadataUrl, mcpAuthMetadataRouter } from '@modelcontextprotocol/sdk/server/auth/router.js';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { isInitializeRequest } from '@modelcontextprotocol/sdk/types.js';
import express from 'express';
import { SCOPE } from './provider.mjs';

/** Stands in what the server says of a refusal. No agent may ever see it. */
export const CANARY = 'canary-of-the-upstream';

/** Starts a server that takes tokens of this provider. */
export async function upstream(provider) {
  const app = express();
  const listening = app.listen(0, '127.0.0.1');
  await new Promise((ready) => listening.once('listening', ready));
  const url = new URL(`http://127.0.0.1:${listening.address().port}/mcp`);
  provider.takes(url.href);

  const oauthMetadata = await (await fetch(`${provider.issuer}/.well-known/openid-configuration`)).json();
  const served = { calls: 0, refused: 0 };
  const verifier = { verifyAccessToken: (token) => introspected(oauthMetadata, token) };
  app.use(mcpAuthMetadataRouter({ oauthMetadata, resourceServerUrl: url, scopesSupported: [SCOPE] }));
  app.use('/mcp', (_, response, next) => {
    response.on('finish', () => (served.refused += response.statusCode === 401 || response.statusCode === 403 ? 1 : 0));
    next();
  });
  app.use('/mcp', requireBearerAuth({ verifier, requiredScopes: [SCOPE], resourceMetadataUrl: getOAuthProtectedResourceMetadataUrl(url), expectedResource: url }));
  app.use('/mcp', express.json());

  const sessions = new Map();
  app.all('/mcp', async (request, response) => {
    const known = sessions.get(request.headers['mcp-session-id']);
    if (known) return known.handleRequest(request, response, request.body);
    if (!isInitializeRequest(request.body)) return response.status(404).end();
    const transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: (id) => void sessions.set(id, transport),
      onsessionclosed: (id) => void sessions.delete(id),
    });
    await notes(served).connect(transport);
    return transport.handleRequest(request, response, request.body);
  });
  const close = () => listening.closeAllConnections() || listening.close();
  return { url: url.href, served, close };
}

/** Asks the provider whose token it is. */
async function introspected(metadata, token) {
  const answer = await fetch(metadata.introspection_endpoint, {
    method: 'POST',
    headers: { authorization: `Basic ${btoa('the-server:introspects')}` },
    body: new URLSearchParams({ token }),
  });
  const of = await answer.json();
  if (!of.active) throw new InvalidTokenError(CANARY);
  return { token, clientId: of.client_id, scopes: of.scope?.split(' ') ?? [], expiresAt: of.exp, resource: new URL(of.aud), extra: { sub: of.sub } };
}

/** A server whose one tool says whose account a call came with. */
function notes(served) {
  const server = new McpServer({ name: 'notes', version: '1.0.0' });
  server.registerTool('whoami', { description: 'Says whose account this is.' }, ({ authInfo }) => {
    served.calls += 1;
    return { content: [{ type: 'text', text: `${authInfo.extra.sub ?? authInfo.clientId}` }] };
  });
  return server;
}
