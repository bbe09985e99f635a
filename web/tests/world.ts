// What the browser tests share: an agent that calls, a page that is signed in.
import { test as base, type APIRequestContext, type BrowserContext } from '@playwright/test';
import { house } from './house';

export const REFUND = {
  payment: 'pi_1001',
  amount: 480,
  currency: 'usd',
  reason: 'Arrived broken',
};

/** Calls a tool as an agent would. */
export async function call(
  request: APIRequestContext,
  grant: string,
  name: string,
  args: unknown,
): Promise<void> {
  const answer = await request.post(`${house().gateway_url}/mcp/payments`, {
    headers: {
      authorization: `Bearer ${house().grants[grant] ?? ''}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': 'tools/call',
      'mcp-name': name,
    },
    data: {
      jsonrpc: '2.0',
      id: 1,
      method: 'tools/call',
      params: {
        name,
        arguments: args,
        _meta: {
          'io.modelcontextprotocol/protocolVersion': '2026-07-28',
          'io.modelcontextprotocol/clientInfo': { name: 'tests', version: '1' },
          'io.modelcontextprotocol/clientCapabilities': {},
        },
      },
    },
  });
  if (answer.status() !== 200) throw new Error(`the gateway answered ${answer.status()}`);
}

/** The API as the admin. */
export const asking = (key = house().api_key) => ({ authorization: `Bearer ${key}` });

/** Lets a context act with a key, in its own origin alone. */
export async function act(context: BrowserContext, key = house().api_key): Promise<void> {
  await context.setExtraHTTPHeaders(asking(key));
}

export const test = base;
