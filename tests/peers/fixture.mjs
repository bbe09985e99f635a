// The conformance fixture: an MCP server of both eras that offers what the conformance suite asks a server for.
// It is built on the official TypeScript server package, and holds no rule of the gateway.
//
//   node fixture.mjs --port PORT      listens on 127.0.0.1, endpoint /mcp, prints `ready` when listening

import { randomUUID } from 'node:crypto';
import http from 'node:http';
import { localhostHostValidation, localhostOriginValidation, toNodeHandler } from '@modelcontextprotocol/node';
import { WebStandardStreamableHTTPServerTransport, createMcpHandler, isInitializeRequest, isLegacyRequest } from '@modelcontextprotocol/server';
import { fixtureServer } from './fixture_parts.mjs';
import { options } from './lib.mjs';

const { port } = options({ port: { type: 'string' } }, ['port']);

// 2026-07-28: one server object per request; change notifications go out on `subscriptions/listen` streams.
const modern = createMcpHandler(() => fixtureServer((kind) => modern.notify[kind]()), { legacy: 'reject' });

// 2025-11-25 and older: one server object per session, with a store of events so that a stream can be resumed.
const sessions = new Map();

async function legacy(request) {
  const id = request.headers.get('mcp-session-id');
  const known = sessions.get(id);
  if (known) return known.handleRequest(request);
  if (id !== null) return refuse(404, -32001, 'Session not found');
  const body = request.method === 'POST' ? await request.clone().json().catch(() => undefined) : undefined;
  if (!isInitializeRequest(body)) return refuse(400, -32000, 'Bad Request: no session');
  return (await openSession()).handleRequest(request);
}

async function openSession() {
  const transport = new WebStandardStreamableHTTPServerTransport({
    sessionIdGenerator: randomUUID,
    eventStore: eventStore(),
    retryInterval: 100,
    onsessioninitialized: (id) => void sessions.set(id, transport),
    onsessionclosed: (id) => void sessions.delete(id),
  });
  const server = fixtureServer((kind) => announce(server, kind));
  await server.connect(transport);
  return transport;
}

function announce(server, kind) {
  if (kind === 'toolsChanged') server.sendToolListChanged();
  if (kind === 'promptsChanged') server.sendPromptListChanged();
}

function refuse(status, code, message) {
  return Response.json({ jsonrpc: '2.0', id: null, error: { code, message } }, { status });
}

// Event ids are places in one list; a stream is resumed after the place the client saw last.
function eventStore() {
  const events = [];
  return {
    async storeEvent(stream, message) {
      events.push({ stream, message });
      return String(events.length - 1);
    },
    async getStreamIdForEventId(id) {
      return events[Number(id)]?.stream;
    },
    async replayEventsAfter(id, { send }) {
      const stream = events[Number(id)]?.stream;
      for (let at = Number(id) + 1; at < events.length; at += 1) {
        const event = events[at];
        // A priming event is stored as an empty message; it is not sent twice.
        if (event.stream === stream && event.message?.jsonrpc) await send(String(at), event.message);
      }
      return stream;
    },
  };
}

const bothEras = toNodeHandler({
  fetch: async (request, given) => ((await isLegacyRequest(request)) ? legacy(request) : modern.fetch(request, given)),
});
const hostAllowed = localhostHostValidation();
const originAllowed = localhostOriginValidation();

http
  .createServer((request, response) => {
    if (!hostAllowed(request, response) || !originAllowed(request, response)) return;
    if (new URL(request.url, 'http://localhost').pathname !== '/mcp') {
      response.writeHead(404).end();
      return;
    }
    bothEras(request, response);
  })
  .listen(Number(port), '127.0.0.1', () => console.log('ready'));
