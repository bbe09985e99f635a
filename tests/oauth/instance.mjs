// A running instance of the product, asked by its API alone, and agents in front of it.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';

/** The program under test. */
const BINARY = process.env.COUNTERSIGN_BINARY ?? join(import.meta.dirname, '../../target/debug/countersign');

/** How long an answer is waited for where the machine does much else. */
const PATIENCE_MS = 120_000;

/** An instance on free ports, with data of its own; it can be killed and started again. */
export class Instance {
  #folder;
  #process;
  #log = '';

  static async start() {
    const instance = new Instance();
    instance.#folder = mkdtempSync(join(tmpdir(), 'countersign-oauth-'));
    const said = await instance.#serve('127.0.0.1:0', '127.0.0.1:0');
    Object.assign(instance, { url: said.control_url, gatewayUrl: said.gateway_url, key: said.api_key });
    return instance;
  }

  /** One that somebody else has started: `{url, gatewayUrl, key}`. */
  static at(said) {
    return Object.assign(new Instance(), said);
  }

  async #serve(gateway, control) {
    const ours = Object.entries(process.env).filter(([name]) => !name.startsWith('COUNTERSIGN_'));
    const args = ['--json', 'serve', '--data-dir', join(this.#folder, 'data'), '--gateway-listen', gateway, '--control-listen', control];
    const child = spawn(BINARY, args, { env: Object.fromEntries(ours), stdio: ['ignore', 'pipe', 'pipe'], cwd: this.#folder });
    this.#process = child;
    child.stderr.on('data', (bytes) => (this.#log += bytes));
    const line = await new Promise((line, failed) => {
      createInterface({ input: child.stdout }).once('line', line);
      child.once('error', failed);
      child.once('exit', () => failed(new Error(`countersign ended: ${this.#log}`)));
    });
    return JSON.parse(line);
  }

  /** What it wrote to its log. */
  log() {
    return this.#log;
  }

  /** The operating system's number of its process. */
  get pid() {
    return this.#process.pid;
  }

  /** Waits until its process is gone. */
  async gone() {
    const child = this.#process;
    if (child.exitCode === null && child.signalCode === null) await new Promise((done) => child.once('exit', done));
    return child.signalCode;
  }

  /** Starts it again over the same data, at the same addresses. */
  async again() {
    const at = (url) => new URL(url).host;
    await this.#serve(at(this.gatewayUrl), at(this.url));
  }

  async stop() {
    this.#process.kill('SIGTERM');
    await this.gone();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** Asks the API as the first admin; answers with the status and the body. */
  async ask(method, path, body) {
    const headers = { authorization: `Bearer ${this.key}`, 'content-type': 'application/json' };
    const answer = await fetch(`${this.url}/api/v1${path}`, { method, headers, body: body && JSON.stringify(body) });
    const text = await answer.text();
    return { status: answer.status, body: text && JSON.parse(text) };
  }

  /** The same; anything but success is an error. */
  async admin(method, path, body) {
    const answer = await this.ask(method, path, body);
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body;
  }

  /** The account of an identity at a server; the one that all share when none is named. */
  async connection(server, identity = '') {
    const { items } = await this.admin('GET', `/servers/${server}/connections`);
    return items.find((of) => of.identity === identity);
  }

  /** Registers a server that is not looked at yet. */
  async register(slug, url) {
    await this.admin('POST', '/servers?probe=false', { slug, url, private_targets: [new URL(url).host] });
  }

  /** Issues a grant for a server that allows everything. */
  async grant(label, server, identity) {
    const name = 'everything';
    const policy = { name, text: JSON.stringify({ version: '1', default: 'allow' }) };
    const made = await this.ask('POST', '/policies', policy);
    if (made.status !== 201 && made.status !== 409) throw new Error(JSON.stringify(made));
    const given = { label, identity, in_flight_max: 256, servers: [{ server, policy: name }] };
    return (await this.admin('POST', '/grants', given)).token;
  }

  /** An agent with this grant in front of a server: an official client. */
  async agent(server, token) {
    const seen = [];
    const client = new Client({ name: 'agent', version: '1.0.0' });
    const transport = new StreamableHTTPClientTransport(new URL(`${this.gatewayUrl}/mcp/${server}`), {
      requestInit: { headers: { authorization: `Bearer ${token}` } },
      fetch: async (url, init) => {
        const answer = await fetch(url, init);
        seen.push({ status: answer.status, headers: [...answer.headers] });
        return answer;
      },
    });
    await client.connect(transport, { timeout: PATIENCE_MS });
    const call = async (name = 'whoami', args = {}) => {
      const result = await client.callTool({ name, arguments: args }, undefined, { timeout: PATIENCE_MS });
      return { failed: result.isError === true, text: result.content.map((part) => part.text).join('\n'), result };
    };
    return { client, call, seen, close: () => client.close() };
  }
}
