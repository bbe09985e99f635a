// Runs the official conformance suite against one endpoint and writes what passed.
//
//   node conformance.mjs --url URL [--token TOKEN] --package 0.1.16|0.2.0-alpha.12
//                        --version 2025-06-18|2025-11-25|2026-07-28 --out FILE [--scenario NAME]
//
// FILE is a JSON list sorted by scenario: name, `passed` or `failed`, and each check's id with its statuses.
// Exits 0 when the suite ran, whatever passed; 1 when it did not run; 2 on wrong options.

import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bearerProxy } from './bearer.mjs';
import { node22, options } from './lib.mjs';

const PACKAGES = { '0.1.16': 'conformance-stable', '0.2.0-alpha.12': 'conformance-alpha' };
const VERSIONS = { '0.1.16': ['2025-06-18', '2025-11-25'], '0.2.0-alpha.12': ['2025-06-18', '2025-11-25', '2026-07-28'] };
// A whole run takes seconds; a server that never answers costs 30 s for each scenario.
const RUN_MAX_MS = 20 * 60_000;

const given = options(
  {
    url: { type: 'string' },
    token: { type: 'string' },
    package: { type: 'string' },
    version: { type: 'string' },
    out: { type: 'string' },
    scenario: { type: 'string' },
  },
  ['url', 'package', 'version', 'out'],
);
if (!VERSIONS[given.package]?.includes(given.version)) {
  console.error(`the suite ${given.package} has no scenarios for ${given.version}`);
  process.exit(2);
}

const folder = await mkdtemp(join(tmpdir(), 'conformance-'));
const proxy = await bearerProxy(given.url, given.token);
try {
  const printed = await runSuite(proxy.url, folder);
  const started = [...printed.matchAll(/^(?:=== Running scenario: (\S+) ===|Running client scenario '([^']+)')/gm)].map((found) => found[1] ?? found[2]);
  const scenarios = await collect(folder, [...new Set(started)]);
  if (scenarios.length === 0) throw new Error(`the suite ran no scenario:\n${printed.slice(-2000)}`);
  await writeFile(given.out, `${JSON.stringify(scenarios, null, 2)}\n`);
  const passed = scenarios.filter((scenario) => scenario.result === 'passed').length;
  console.log(`${given.package} ${given.version}: ${passed} of ${scenarios.length} scenarios passed`);
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
} finally {
  proxy.stop();
  await rm(folder, { recursive: true, force: true });
}

/** Runs the suite's own command line under Node 22; its exit code only says whether something failed. */
async function runSuite(url, output) {
  const command = join(import.meta.dirname, 'node_modules', PACKAGES[given.package], 'dist', 'index.js');
  if (!existsSync(command)) throw new Error('the suite is not installed: run setup.sh first');
  const which = given.scenario === undefined ? ['--suite', 'all'] : ['--scenario', given.scenario];
  const suite = spawn(node22(), [command, 'server', '--url', url, ...which, '--spec-version', given.version, '--output-dir', output], {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: RUN_MAX_MS,
  });
  let printed = '';
  for (const stream of [suite.stdout, suite.stderr]) stream.setEncoding('utf8').on('data', (part) => (printed += part));
  const [code, signal] = await new Promise((resolve, reject) => suite.on('error', reject).on('close', (...ended) => resolve(ended)));
  if (code === null) throw new Error(`the suite was ended by ${signal}`);
  return printed;
}

/** Reads the checks of every scenario that was started; one that left no checks behind has failed. */
async function collect(output, started) {
  const folders = await readdir(output);
  const scenarios = [];
  for (const scenario of started.sort()) {
    const written = new RegExp(`^server-${scenario}-\\d{4}-\\d{2}-\\d{2}T`);
    const place = folders.find((name) => written.test(name));
    const checks = place === undefined ? [] : JSON.parse(await readFile(join(output, place, 'checks.json'), 'utf8'));
    scenarios.push(summary(scenario, checks));
  }
  return scenarios;
}

/** A scenario passes when a check succeeded, and none failed or warned. */
function summary(scenario, checks) {
  const count = (status) => checks.filter((check) => check.status === status).length;
  const counts = { success: count('SUCCESS'), failure: count('FAILURE'), warning: count('WARNING'), skipped: count('SKIPPED') };
  const passed = counts.success > 0 && counts.failure === 0 && counts.warning === 0;
  const byId = {};
  for (const { id, status } of checks) if (status !== 'INFO') (byId[id] ??= []).push(status);
  const sorted = Object.fromEntries(Object.keys(byId).sort().map((id) => [id, byId[id].sort()]));
  const why = checks.filter((check) => ['FAILURE', 'WARNING'].includes(check.status)).map((check) => `${check.id}: ${check.errorMessage ?? check.description}`);
  return { scenario, result: passed ? 'passed' : 'failed', counts, checks: sorted, ...(why.length > 0 && { why }) };
}
