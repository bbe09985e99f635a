// What the browser tests share: an agent that calls, and a page that is signed in.
import {
  test as base,
  expect,
  type APIRequestContext,
  type Browser,
  type BrowserContext,
  type Page,
} from '@playwright/test';
import { house, type House } from './house';

export const REFUND = {
  payment: 'pi_1001',
  amount: 480,
  currency: 'usd',
  reason: 'Arrived broken',
};

const message = (name: string, args: unknown) => ({
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
});

const heads = (token: string, name: string) => ({
  authorization: `Bearer ${token}`,
  'content-type': 'application/json',
  accept: 'application/json, text/event-stream',
  'mcp-protocol-version': '2026-07-28',
  'mcp-method': 'tools/call',
  'mcp-name': name,
});

/** Calls a tool as an agent would, with a grant's token, and answers with what came back. */
export async function callAs(
  request: APIRequestContext,
  where: Pick<House, 'gateway_url'>,
  server: string,
  token: string,
  name: string,
  args: unknown,
): Promise<string> {
  const answer = await request.post(`${where.gateway_url}/mcp/${server}`, {
    headers: heads(token, name),
    data: message(name, args),
  });
  if (answer.status() !== 200) {
    throw new Error(`the gateway answered ${answer.status()}: ${await answer.text()}`);
  }
  return answer.text();
}

/** Calls a tool of the demo. */
export const call = (request: APIRequestContext, grant: string, name: string, args: unknown) =>
  callAs(request, house(), 'payments', house().grants[grant] ?? '', name, args);

/** The API with a key. */
export const asking = (key = house().api_key) => ({ authorization: `Bearer ${key}` });

interface Waiting {
  id: string;
  fingerprint: string;
  grant: { name: string };
  state: string;
}

let issued = 0;

/** A copy of the demo's policy `support` for this worker: others publish under the first name. */
async function policyOf(request: APIRequestContext): Promise<string> {
  const policies = `${house().control_url}/api/v1/policies`;
  const name = `signing-${process.pid}`;
  const known = await request.get(`${policies}/${name}`, { headers: asking() });
  if (known.status() === 200) return name;
  const answer = await request.get(`${policies}/support/versions/1`, { headers: asking() });
  const { text } = (await answer.json()) as { text: string };
  const made = await request.post(policies, {
    headers: asking(),
    data: { name, server: 'payments', text },
  });
  expect(made.status()).toBe(201);
  return name;
}

/** Issues a grant of its own, so that tests do not meet. */
export async function grantOf(
  request: APIRequestContext,
  policy?: string,
): Promise<{ id: string; label: string; token: string }> {
  issued += 1;
  const label = `agent-${process.pid}-${issued}`;
  const answer = await request.post(`${house().control_url}/api/v1/grants`, {
    headers: asking(),
    data: {
      label,
      servers: [{ server: 'payments', policy: policy ?? (await policyOf(request)) }],
    },
  });
  const { grant, token } = (await answer.json()) as { grant: { id: string }; token: string };
  return { id: grant.id, label, token };
}

/** Has an agent ask for a refund that a person must sign off, and answers with what waits for them. */
export async function held(
  request: APIRequestContext,
  args: Record<string, unknown>,
  policy?: string,
): Promise<Waiting> {
  const { label, token } = await grantOf(request, policy);
  // The agent hangs up once its call waits; what it asked for stays.
  const line = new AbortController();
  const called = fetch(`${house().gateway_url}/mcp/payments`, {
    method: 'POST',
    headers: heads(token, 'refund_payment'),
    body: JSON.stringify(message('refund_payment', args)),
    signal: line.signal,
  }).catch(() => undefined);
  const find = async () => {
    const answer = await request.get(`${house().control_url}/api/v1/approvals?limit=500`, {
      headers: asking(house().members.finance),
    });
    const { items } = (await answer.json()) as { items: Waiting[] };
    return items.find((one) => one.grant.name === label);
  };
  let found: Waiting | undefined;
  await expect.poll(async () => (found = await find())).toBeTruthy();
  line.abort();
  await called;
  if (!found) throw new Error('nothing waits');
  return found;
}

/** Lets a context act with a key, in its own origin alone. */
export async function act(context: BrowserContext, key = house().api_key): Promise<void> {
  await context.setExtraHTTPHeaders(asking(key));
}

/** A page of its own that acts with a key. */
export async function pageOf(
  browser: Browser,
  key: string | undefined,
  options: Parameters<Browser['newContext']>[0] = {},
): Promise<Page> {
  const context = await browser.newContext({ reducedMotion: 'reduce', ...options });
  if (key) await act(context, key);
  return context.newPage();
}

/** Waits until a page shows what it was opened for. Streams stay open, so the network never rests. */
export async function settled(page: Page): Promise<void> {
  await page.getByRole('heading').or(page.getByRole('alert')).first().waitFor();
  await expect(page.locator('[aria-busy="true"]')).toHaveCount(0);
}

/** Everything a page said that it should not have. */
export function listen(page: Page): string[] {
  const said: string[] = [];
  page.on('pageerror', (error) => said.push(error.message));
  page.on('console', (entry) => {
    const text = entry.text();
    if (/content security policy|refused to/i.test(text)) said.push(text);
  });
  return said;
}

export const test = base;
