// Every official client, unmodified, against calls that wait for a person: what the client is told, and how often the
// payments server carried the call out, by its own ledger.
//
// PEERS_COUNTERSIGN names the program under test; it is started as its own demo, which has the payments server and
// somebody to ask. Without it nothing is tried here: there is nothing to wait for.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';

const here = import.meta.dirname;
const python = join(here, '.venv', 'bin', 'python');
const program = process.env.PEERS_COUNTERSIGN;

const CLIENTS = {
  'TypeScript SDK 1.x': ['node', 'ts1.mjs', 'legacy'],
  'TypeScript client 2.x, legacy': ['node', 'ts2.mjs', 'legacy'],
  'TypeScript client 2.x, auto': ['node', 'ts2.mjs', 'auto'],
  'Python mcp, legacy': [python, 'py_mcp.py', 'legacy'],
  'Python mcp, auto': [python, 'py_mcp.py', 'auto'],
  'FastMCP, legacy': [python, 'py_fastmcp.py', 'legacy'],
  'FastMCP, auto': [python, 'py_fastmcp.py', 'auto'],
};

// What each client is told in each case, and how often the call is carried out. All of them are told the same.
const CASES = {
  'approved fast': [approvedFast, ['done'], 1],
  'approved after 30 s': [approvedLate, ['done'], 1],
  denied: [denied, ['approval_denied'], 0],
  expired: [expired, ['approval_expired'], 0],
  'argument changed': [argumentChanged, ['approval_denied', 'done'], 1],
  'replayed after use': [replayed, ['done', 'approval_denied'], 1],
  'client gone': [clientGone, ['done'], 1],
  'policy tightened meanwhile': [policyTightened, ['deny_if'], 0],
  'two identical calls at once': [twoAtOnce, ['done', 'not done'], 1],
};

/** The longest a client waits for one answer: what the slowest case needs, and what clients come with by default. */
const PATIENCE_SECONDS = 60;
const LATE_SECONDS = 30;
/** Clients that run at a time, beside those that only wait. */
const AT_A_TIME = 4;
const CELLS_AT_A_TIME = 16;
/** How old a look at the inbox may be: all cells share it. */
const LOOK_MS = 200;

let demo;
let demoProcess;
let room = AT_A_TIME;
const queue = [];
let looked = { at: 0, items: Promise.resolve([]) };

if (program !== undefined) {
  before(async () => {
    demoProcess = spawn(program, ['--json', 'demo', '--ports', '0,0,0'], { stdio: ['ignore', 'pipe', 'ignore'] });
    const [line] = await once(createInterface({ input: demoProcess.stdout }), 'line');
    demo = JSON.parse(line);
  });
  after(() => demoProcess?.kill('SIGTERM'));

  describe('calls that wait for people', { concurrency: CELLS_AT_A_TIME }, () => {
    let number = 0;
    for (const client of Object.keys(CLIENTS)) {
      for (const [name, [play, expected, executions]] of Object.entries(CASES)) {
        const amount = 1001 + number++;
        test(`${client}: ${name}`, async () => {
          const cell = await furnished(client, amount, name === 'expired' ? '3s' : '30m');
          const told = await play(cell);
          assert.deepEqual(told, expected);
          assert.equal(await carriedOut(cell), executions, 'executions by the ledger');
        });
      }
    }
  });
}

async function approvedFast(cell) {
  return told(await decided(cell, call(cell), 'approve'));
}

async function approvedLate(cell) {
  const waiting = call(cell, {}, { waits: true });
  await asked(cell);
  await pause(LATE_SECONDS * 1000);
  return told(await decided(cell, waiting, 'approve'));
}

async function denied(cell) {
  return told(await decided(cell, call(cell), 'deny'));
}

async function expired(cell) {
  return told(await call(cell).answer);
}

async function argumentChanged(cell) {
  const first = call(cell);
  const approval = await asked(cell);
  first.leave();
  // The gateway hears that somebody has hung up, but not in no time.
  await pause(1500);
  await say(cell, approval, 'approve');
  const changed = await decided(cell, call(cell, { amount: cell.amount + 5000 }), 'deny');
  assert.equal(await carriedOut(cell), 0);
  return [...told(changed), ...told(await call(cell).answer)];
}

async function replayed(cell) {
  const first = await decided(cell, call(cell), 'approve');
  return [...told(first), ...told(await decided(cell, call(cell), 'deny'))];
}

async function clientGone(cell) {
  const first = call(cell);
  const approval = await asked(cell);
  first.leave();
  await pause(1500);
  await say(cell, approval, 'approve');
  await pause(1000);
  assert.equal(await carriedOut(cell), 0, 'nothing is carried out for nobody');
  return told(await call(cell).answer);
}

async function policyTightened(cell) {
  const waiting = call(cell);
  const approval = await asked(cell);
  await admin('POST', `policies/${cell.label}/versions`, { text: policy(cell.expiresIn, 700) });
  // Whoever says yes now is too late, or says it of a call that is denied all the same.
  await say(cell, approval, 'approve').catch(() => {});
  return told(await waiting.answer);
}

async function twoAtOnce(cell) {
  const both = [call(cell), call(cell)];
  let approval = await asked(cell);
  for (let tries = 0; approval.asked < 2 && tries < 200; tries += 1) {
    await pause(50);
    approval = await asked(cell);
  }
  await say(cell, approval, 'approve');
  // The one that loses is told so, or asks anew and is denied here.
  let ended = false;
  const answers = Promise.all(both.map(({ answer }) => answer)).finally(() => (ended = true));
  while (!ended) {
    for (const left of await inbox(cell)) await say(cell, left, 'deny').catch(() => {});
    await Promise.race([pause(200), answers]);
  }
  const outcomes = (await answers).flatMap(told);
  return outcomes.map((outcome) => (outcome === 'done' ? 'done' : 'not done')).sort();
}

/** A policy, a grant under it, and what they are called. */
async function furnished(client, amount, expiresIn) {
  const label = `peers-${amount}`;
  await admin('POST', 'policies', { name: label, text: policy(expiresIn, 100000) });
  const made = await admin('POST', 'grants', { label, servers: [{ server: 'payments', policy: label }] });
  return { client, amount, label, expiresIn, token: made.token };
}

function policy(expiresIn, most) {
  return JSON.stringify({
    version: '1',
    default: 'deny',
    tools: {
      create_charge: {
        deny_if: [{ conditions: [{ path: 'args.amount', op: 'gt', value: most }] }],
        approve_if: [{ conditions: [], approvers: ['group:finance'], expires_in: expiresIn }],
      },
    },
  });
}

/** Calls with a client of its own; `leave` ends it without a word. */
function call(cell, more = {}, { waits = false } = {}) {
  const [runner, script, mode] = CLIENTS[cell.client];
  const args = JSON.stringify({ customer: 'cus_1001', amount: cell.amount, currency: 'usd', ...more });
  let client;
  let left = false;
  const answer = (async () => {
    // One that waits long takes no room from the others.
    const free = waits ? () => {} : await place();
    try {
      if (left) return { error: { message: 'left' } };
      client = spawn(
        runner,
        [join(here, script), '--url', `${demo.gateway_url}/mcp/payments`, '--token', cell.token, '--mode', mode,
          '--patience', String(PATIENCE_SECONDS), '--call', 'create_charge', '--args', args],
        { stdio: ['ignore', 'pipe', 'pipe'] },
      );
      let printed = '';
      for (const stream of [client.stdout, client.stderr]) stream.setEncoding('utf8').on('data', (part) => (printed += part));
      await once(client, 'close');
      const line = printed.split('\n').find((text) => text.startsWith('{'));
      if (line === undefined) return { error: { message: printed } };
      return JSON.parse(line);
    } finally {
      free();
    }
  })();
  return {
    answer,
    leave: () => {
      left = true;
      client?.kill('SIGKILL');
    },
  };
}

/** A place among the clients that run. */
async function place() {
  if (room > 0) room -= 1;
  else await new Promise((go) => queue.push(go));
  return () => {
    const next = queue.shift();
    if (next) next();
    else room += 1;
  };
}

/** Waits until the call has asked, says the word, and gives what the client was told. */
async function decided(cell, { answer }, word) {
  await say(cell, await asked(cell), word);
  return answer;
}

/** What a client was told: `done`, or the stable reason. */
function told(answer) {
  assert.ok(answer.result, JSON.stringify(answer));
  const decision = answer.result._meta?.['dev.countersign/decision'];
  if (!answer.result.isError) return ['done'];
  assert.match(answer.result.text, /^\[POLICY DENIED\] /);
  return [decision.reason];
}

/** What waits of this cell's grant. */
async function inbox(cell) {
  if (Date.now() - looked.at > LOOK_MS) {
    const items = ask(demo.members.finance, 'GET', 'approvals?limit=500').then((list) => list.items);
    looked = { at: Date.now(), items };
  }
  return (await looked.items).filter((item) => item.grant.name === cell.label);
}

async function asked(cell) {
  for (let tries = 0; tries < 1200; tries += 1) {
    const [first] = await inbox(cell);
    if (first) return first;
    await pause(100);
  }
  throw new Error(`${cell.client} did not ask`);
}

async function say(cell, approval, word) {
  looked.at = 0;
  const opened = await ask(demo.members.finance, 'POST', `approvals/${approval.id}/open`);
  const said = await ask(demo.members.finance, 'POST', `approvals/${approval.id}/${word}`, { fingerprint: opened.fingerprint });
  looked.at = 0;
  return said;
}

/** How often this cell's charge was carried out, whatever its amount was changed to. */
async function carriedOut(cell) {
  const ledger = await (await fetch(demo.upstream_ledger_url)).json();
  const amounts = [cell.amount, cell.amount + 5000].map(String);
  return ledger.entries.filter((entry) => amounts.includes(entry.amount)).length;
}

function admin(method, path, body) {
  return ask(demo.api_key, method, path, body);
}

async function ask(key, method, path, body) {
  for (;;) {
    const answer = await fetch(`${demo.control_url}/api/v1/${path}`, {
      method,
      headers: { authorization: `Bearer ${key}`, ...(body && { 'content-type': 'application/json' }) },
      body: body && JSON.stringify(body),
    });
    if (answer.status === 429) {
      await pause(1000);
      continue;
    }
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return text === '' ? null : JSON.parse(text);
  }
}
