// What the browser tests share: an agent that calls, a page that is signed in, and every route.
import {
  test as base,
  type APIRequestContext,
  type BrowserContext,
  type Page,
} from '@playwright/test';
import { house } from './house';

/** Every address of the dashboard that the demo has something to show at. */
export const ROUTES = [
  '/',
  '/logs',
  '/servers',
  '/servers/payments/tools',
  '/servers/payments/tools?tool=refund_payment',
  '/servers/payments/credential',
  '/servers/payments/connect',
  '/tools',
  '/policies',
  '/policies/support/build',
  '/policies/support/json',
  '/policies/support/tests',
  '/policies/support/simulate',
  '/policies/support/history',
  '/policies/support/v/1',
  '/grants',
  '/grants?view=matrix',
  '/grants/support-agent',
  '/audit',
  '/keys',
  '/settings',
  '/nowhere',
  '/grants/not-there',
];

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

/** Everything a page said that it should not have. */
export function listen(page: Page): string[] {
  const said: string[] = [];
  page.on('pageerror', (error) => said.push(error.message));
  page.on('console', (message) => {
    const text = message.text();
    if (/content security policy|refused to/i.test(text)) said.push(text);
  });
  return said;
}

export const test = base;
