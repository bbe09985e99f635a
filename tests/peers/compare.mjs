// Compares two results of conformance.mjs: everything that passes directly must pass through the gateway.
//
//   node compare.mjs DIRECT GATEWAY     exits 1 and lists every scenario that passes in the first and not in the second
//
// Check by check, not by counts: behind a wall of refusals many negative checks pass, and others are skipped.

import { readFile } from 'node:fs/promises';

const [directFile, gatewayFile] = process.argv.slice(2);
if (gatewayFile === undefined) {
  console.error('usage: node compare.mjs DIRECT GATEWAY');
  process.exit(2);
}
const direct = JSON.parse(await readFile(directFile, 'utf8'));
const gateway = new Map(JSON.parse(await readFile(gatewayFile, 'utf8')).map((scenario) => [scenario.scenario, scenario]));
if (direct.length === 0) {
  console.error(`${directFile} holds no scenario`);
  process.exit(2);
}

const passing = direct.filter((scenario) => scenario.result === 'passed');
const lost = passing.flatMap((before) => {
  const after = gateway.get(before.scenario);
  if (after === undefined) return [`${before.scenario}: not run through the gateway`];
  if (after.result !== 'passed') return [`${before.scenario}: fails through the gateway`, ...(after.why ?? []).map((why) => `    ${why}`)];
  const unproven = Object.entries(before.checks).filter(([id, statuses]) => succeeded(statuses) > succeeded(after.checks[id] ?? []));
  return unproven.map(([id]) => `${before.scenario}: check ${id} succeeds directly and is not proven through the gateway`);
});

for (const line of lost) console.log(line);
console.log(lost.length === 0 ? `the same ${passing.length} scenarios pass` : `of ${passing.length} scenarios that pass directly, not all pass through the gateway`);
process.exitCode = lost.length === 0 ? 0 : 1;

function succeeded(statuses) {
  return statuses.filter((status) => status === 'SUCCESS').length;
}
