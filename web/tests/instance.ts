// An instance of its own, on a throw-away database, with somebody signed in: for screens that need a
// person, a setting that the demo does not have, or a state that others would trip over.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type APIRequestContext, expect, type Page } from '@playwright/test';

export const PASSWORD = 'correct horse battery';

export interface Instance {
  control: string;
  gateway: string;
  key: string;
  setup: string;
  end: () => Promise<void>;
}

/** Starts it. `settings` are environment variables without their common beginning. */
export async function instance(settings: Record<string, string> = {}): Promise<Instance> {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-web-'));
  const named = Object.entries({
    DATA_DIR: join(folder, 'data'),
    GATEWAY__LISTEN: '127.0.0.1:0',
    CONTROL__LISTEN: '127.0.0.1:0',
    ...settings,
  }).map(([name, value]) => [`COUNTERSIGN_${name}`, value] as const);
  const others = Object.entries(process.env).filter(([name]) => !name.startsWith('COUNTERSIGN_'));
  const binary = process.env.COUNTERSIGN_BIN ?? '../target/debug/countersign';
  const child = spawn(binary, ['--json', 'serve'], {
    stdio: ['ignore', 'pipe', process.env.LOUD ? 'inherit' : 'ignore'],
    env: Object.fromEntries([...others, ...named]),
  });
  const lines = createInterface({ input: child.stdout });
  const said = await new Promise<string>((resolve, reject) => {
    lines.once('line', resolve);
    child.once('exit', (code) => reject(new Error(`the program ended with ${code}`)));
    child.once('error', reject);
  });
  const { control_url, gateway_url, api_key, setup_url } = JSON.parse(said) as Record<
    string,
    string
  >;
  return {
    control: control_url ?? '',
    gateway: gateway_url ?? '',
    key: api_key ?? '',
    setup: setup_url ?? '',
    end: async () => {
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGTERM');
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Asks the API of an instance with its first key, and says what it answered. */
export async function ask<T>(
  request: APIRequestContext,
  of: Instance,
  method: string,
  path: string,
  data?: unknown,
): Promise<T> {
  const answer = await request.fetch(`${of.control}/api/v1${path}`, {
    method,
    headers: { authorization: `Bearer ${of.key}` },
    ...(data === undefined ? {} : { data }),
  });
  const text = await answer.text();
  if (!answer.ok()) throw new Error(`${method} ${path}: ${answer.status()} ${text}`);
  return (text ? JSON.parse(text) : undefined) as T;
}

/** Calls a tool as an agent would, and says what came back. */
export async function callTool(
  request: APIRequestContext,
  of: Instance,
  server: string,
  token: string,
  name: string,
): Promise<string> {
  const answer = await request.post(`${of.gateway}/mcp/${server}`, {
    headers: {
      authorization: `Bearer ${token}`,
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
        arguments: {},
        _meta: {
          'io.modelcontextprotocol/protocolVersion': '2026-07-28',
          'io.modelcontextprotocol/clientInfo': { name: 'tests', version: '1' },
          'io.modelcontextprotocol/clientCapabilities': {},
        },
      },
    },
  });
  return answer.text();
}

/** Becomes the first admin, in this page. */
export async function firstAdmin(page: Page, of: Instance): Promise<void> {
  await page.goto(of.setup);
  await page.getByLabel('Your name').fill('Ada');
  await page.getByLabel('Email').fill('ada@example.org');
  await page
    .getByLabel(/assword/)
    .first()
    .fill(PASSWORD);
  const made = page.waitForResponse((answer) => answer.url().endsWith('/api/v1/setup'));
  await page.getByRole('main').getByRole('button').last().click();
  expect((await made).status()).toBe(200);
}

/** Comes in as an invited member, in this page. */
export async function member(
  page: Page,
  request: APIRequestContext,
  of: Instance,
  email: string,
  role: 'viewer' | 'policy_manager' | 'admin',
): Promise<void> {
  const { path } = await ask<{ path: string }>(request, of, 'POST', '/members', { email, role });
  await page.goto(of.control + path);
  await page
    .getByLabel(/assword/)
    .first()
    .fill(PASSWORD);
  await page.getByRole('button', { name: 'Accept and sign in' }).click();
  await page.getByRole('heading', { name: 'Overview' }).waitFor();
}

/** The page has its heading and nothing that still loads. */
export async function settled(page: Page): Promise<void> {
  await page.getByRole('heading', { level: 1 }).first().waitFor();
  await expect(page.locator('[aria-busy="true"]')).toHaveCount(0);
}
