// The conformance suite's scenarios for OAuth clients, with the gateway as the client.
//
// The suite (that of tests/peers, under Node 22) starts an authorization server and an MCP server for each scenario and
// runs `suite_client.mjs`, which registers that server at a running instance, connects, and calls through the gateway. A
// scenario has passed when a check succeeded, and none failed or warned.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { node22 } from '../peers/lib.mjs';
import { Instance } from './instance.mjs';

const SUITES = { stable: '0.1.16', alpha: '0.2.0-alpha.12' };

/** Scenarios that the suite runs and does not score, and that a gateway does not pass. Each with why. */
const NOT_HERE = {
  'auth/dpop': 'tokens bound to a key of the client are not offered: docs/decisions/0031',
  'auth/dpop-nonce': 'the same',
  'auth/enterprise-managed-authorization': 'needs what proves a person present at the call; an agent here has a grant and no session of a person',
  'auth/wif-jwt-bearer': 'needs a token of the platform that the client runs on; an instance has none of its own',
};

const run = promisify(execFile);

/** Runs the suite's command line; its exit code only says whether something failed. */
async function suite(which, args, env = {}) {
  const program = join(import.meta.dirname, '../peers/node_modules', `conformance-${which}`, 'dist/index.js');
  const options = { env: { ...process.env, ...env }, maxBuffer: 64 * 1024 * 1024 };
  const ended = await run(node22(), [program, ...args], options).catch((error) => error);
  if (typeof ended.stdout !== 'string') throw ended;
  return ended.stdout + ended.stderr;
}

/** The scenarios of a revision: those that are scored, and those that are only reported. */
async function scenarios(revision) {
  const [scored, reported] = (await suite('alpha', ['list', '--client', '--requirements', revision])).split('Run and reported, but never scored');
  const named = (text) => [...text.matchAll(/^ +- (auth\/\S+)/gm)].map((found) => found[1]);
  return { scored: named(scored), reported: named(reported) };
}

/** The stable suite knows one revision whose scenarios are scored. */
async function stable() {
  const listed = await suite('stable', ['list', '--client']);
  return [...listed.matchAll(/^ +- (auth\/\S+) \[([^\]]*)\]/gm)].filter((found) => found[2].includes('2025-11-25')).map((found) => found[1]);
}

let instance, output;

before(async () => {
  instance = await Instance.start();
  output = await mkdtemp(join(tmpdir(), 'countersign-suite-'));
});

after(async () => {
  await instance?.stop();
  await rm(output, { recursive: true, force: true });
});

/** Runs the suite's client side; answers with what it printed, and the checks of each scenario. */
async function clients(which, revision, args) {
  const place = await mkdtemp(join(output, 'run-'));
  const { url, gatewayUrl, key } = instance;
  const command = `${process.execPath} ${join(import.meta.dirname, 'suite_client.mjs')}`;
  const fixed = ['client', '--command', command, '--spec-version', revision, '--timeout', '120000', '--output-dir', place];
  const printed = await suite(which, [...fixed, ...args], { SUITE_INSTANCE: JSON.stringify({ url, gatewayUrl, key }), SUITE_VERSION: revision });
  const checks = new Map();
  for (const path of await readdir(place, { recursive: true })) {
    const name = /^(auth\/.+)-\d{4}-\d{2}-\d{2}T[^/]*\/checks\.json$/.exec(path)?.[1];
    if (name !== undefined) checks.set(name, JSON.parse(await readFile(join(place, path), 'utf8')));
  }
  return { printed, checks };
}

/** Most scenarios run in one go; those that the go leaves out run alone. */
const goes = new Map();
const inOneGo = (which, revision) => {
  const key = `${which} ${revision}`;
  if (!goes.has(key)) goes.set(key, clients(which, revision, ['--suite', 'auth']));
  return goes.get(key);
};
const alone = (which, revision, name) => clients(which, revision, ['--scenario', name, ...(which === 'alpha' ? ['--force'] : [])]);

function passes(which, revision, name, go = inOneGo) {
  test(`${SUITES[which]} ${revision} ${name}`, async () => {
    let { printed, checks } = await go(which, revision, name);
    if (!checks.has(name)) ({ printed, checks } = await alone(which, revision, name));
    const of = checks.get(name) ?? [];
    const wrong = of.filter(({ status }) => status === 'FAILURE' || status === 'WARNING');
    assert.deepEqual(wrong.map(({ id, errorMessage, description }) => `${id}: ${errorMessage ?? description}`), [], printed.slice(-4000));
    assert.ok(of.some(({ status }) => status === 'SUCCESS'), printed.slice(-4000));
  });
}

const revisions = ['2025-11-25', '2026-07-28'];
const [known, older] = await Promise.all([Promise.all(revisions.map(scenarios)), stable()]);

describe('the suite', { concurrency: 4 }, () => {
  for (const [at, revision] of revisions.entries()) for (const name of known[at].scored) passes('alpha', revision, name);
  for (const name of older) passes('stable', '2025-11-25', name);
  // Not scored, and here all the same.
  for (const name of ['auth/client-credentials-jwt', 'auth/client-credentials-basic']) passes('alpha', '2025-11-25', name, alone);
  passes('alpha', '2025-03-26', 'auth/2025-03-26-oauth-metadata-backcompat', alone);
});

test('what the suite only reports is here, or is known not to be', () => {
  for (const { scored, reported } of known) {
    assert.ok(scored.length >= 14);
    const ours = reported.filter((name) => !name.startsWith('auth/client-credentials-')).sort();
    assert.deepEqual(ours, Object.keys(NOT_HERE));
  }
});

test('where no document says where codes and tokens go, none are sent', async () => {
  const { printed } = await alone('alpha', '2025-03-26', 'auth/2025-03-26-oauth-endpoint-fallback');
  assert.match(printed, /the authorization server's document is not there/);
  assert.doesNotMatch(printed, /SUCCESS.*(token|authorization)-request/);
});
