// A small MCP server for the first run: it wants a key, and lists two tools.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export const UPSTREAM_KEY = 'upstream-key-of-the-first-run';

const tool = (name: string) => ({
  name,
  description: `${name} of the tests`,
  inputSchema: { type: 'object', properties: { id: { type: 'string' } } },
});
const TOOLS = [tool('get_order'), tool('cancel_order')];

interface Asked {
  id?: number | string;
  method: string;
  params?: { name?: string };
}

function answerOf({ method, params }: Asked, tools: object[]): Record<string, unknown> | undefined {
  if (method === 'server/discover') {
    return {
      supportedVersions: ['2026-07-28'],
      capabilities: { tools: {} },
      serverInfo: { name: 'orders', version: '1' },
      ttlMs: 0,
      cacheScope: 'public',
    };
  }
  if (method === 'tools/list') return { tools, ttlMs: 0, cacheScope: 'public' };
  if (method === 'tools/call') {
    return { content: [{ type: 'text', text: `${params?.name} was called` }] };
  }
  return undefined;
}

/** Starts it; answers with its address and how it is ended. It lists `more` tools besides, and lets in who shows the key. */
export async function upstream(
  more: object[] = [],
  key = UPSTREAM_KEY,
): Promise<{ url: string; end: () => void }> {
  const server = createServer((request, response) => {
    let text = '';
    request.on('data', (part) => (text += String(part)));
    request.on('end', () => {
      if (key !== '' && request.headers.authorization !== `Bearer ${key}`) {
        response.writeHead(401).end();
        return;
      }
      if (request.method !== 'POST') {
        response.writeHead(405).end();
        return;
      }
      const asked = JSON.parse(text) as Asked;
      if (asked.id === undefined) {
        response.writeHead(202).end();
        return;
      }
      const result = answerOf(asked, [...TOOLS, ...more]);
      const body = result
        ? { jsonrpc: '2.0', id: asked.id, result: { ...result, resultType: 'complete' } }
        : { jsonrpc: '2.0', id: asked.id, error: { code: -32601, message: 'unknown method' } };
      response
        .writeHead(result ? 200 : 404, { 'content-type': 'application/json' })
        .end(JSON.stringify(body));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/mcp`, end: () => server.close() };
}
