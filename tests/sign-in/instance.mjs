// A running instance, a browser in front of it, and what people do there.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { chromium } from 'playwright-core';

export const PASSWORD = 'tram lemon four clouds';

/** The program under test. */
const BINARY = process.env.COUNTERSIGN_BINARY ?? join(import.meta.dirname, '../../target/debug/countersign');

/** Starts `countersign serve` on free ports; answers with what it printed. */
export async function serve() {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-sign-in-'));
  const ours = Object.entries(process.env).filter(([name]) => !name.startsWith('COUNTERSIGN_'));
  const process_ = spawn(
    BINARY,
    ['--json', 'serve', '--data-dir', join(folder, 'data'), '--gateway-listen', '127.0.0.1:0', '--control-listen', '127.0.0.1:0'],
    { env: Object.fromEntries(ours), stdio: ['ignore', 'pipe', 'pipe'], cwd: folder },
  );
  let log = '';
  process_.stderr.on('data', (bytes) => (log += bytes));
  const lines = createInterface({ input: process_.stdout });
  const first = new Promise((line, failed) => {
    lines.once('line', line);
    process_.once('exit', () => failed(new Error(`countersign ended: ${log}`)));
  });
  const said = JSON.parse(await first);
  // The name, not the number: passkeys belong to names.
  const base = said.control_url.replace('127.0.0.1', 'localhost');
  const stop = async () => {
    const ended = new Promise((done) => process_.once('exit', done));
    process_.kill('SIGTERM');
    await ended;
    rmSync(folder, { recursive: true, force: true });
  };
  const admin = async (method, path, body) => {
    const answer = await fetch(`${said.control_url}/api/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${said.api_key}`, 'content-type': 'application/json' },
      body: body && JSON.stringify(body),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return text && JSON.parse(text);
  };
  return { ...said, base, admin, stop, log: () => log };
}

const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** How long a step may take where the machine does much else. */
const PATIENCE = 120_000;

/** The installed Chromium. A container has no user of its own to sandbox with, and little shared memory. */
export const launch = () =>
  chromium.launch({
    executablePath: process.env.CHROMIUM ?? PLACES.find((place) => existsSync(place)),
    args: ['--no-sandbox', '--disable-dev-shm-usage'],
    timeout: PATIENCE,
  });

/** A person's browser at the instance: its own cookies, on a page of the instance. */
export async function person(browser, base) {
  // Requests are made from an answer of the API, whose policy allows no script to make any.
  const context = await browser.newContext({ bypassCSP: true });
  context.setDefaultTimeout(PATIENCE);
  const page = await context.newPage();
  await page.goto(`${base}/api/v1/sign-in`);
  const api = (method, path, body) =>
    page.evaluate(
      async ([method, path, body]) => {
        const answer = await fetch(`/api/v1${path}`, {
          method,
          headers: body === undefined ? {} : { 'content-type': 'application/json' },
          body: body === undefined ? undefined : JSON.stringify(body),
        });
        const text = await answer.text();
        return { status: answer.status, body: text && JSON.parse(text) };
      },
      [method, path, body],
    );
  return { context, page, api, back: () => page.goto(`${base}/api/v1/sign-in`) };
}
