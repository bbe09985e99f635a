// What the scripts of this folder share: reading options, and the command loop of the clients.

import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';

/** Reads `--name value` options; exits 2 with one sentence when they do not fit. */
export function options(known, required = []) {
  try {
    const { values } = parseArgs({ options: known, strict: true });
    const missing = required.filter((name) => values[name] === undefined);
    if (missing.length > 0) throw new Error(`missing: ${missing.map((name) => `--${name}`).join(', ')}`);
    return values;
  } catch (error) {
    console.error(error.message);
    process.exit(2);
  }
}

/** The options every client script takes. */
export const clientOptions = {
  url: { type: 'string' },
  token: { type: 'string' },
  mode: { type: 'string', default: 'legacy' },
  list: { type: 'boolean' },
  call: { type: 'string' },
  args: { type: 'string', default: '{}' },
  script: { type: 'string' },
  timeout: { type: 'string', default: '30000' },
};

/** The fetch every client script uses: the global one, with the token added and, for `--trace`, nothing else. */
export function headersOf(given) {
  return given.token === undefined ? {} : { Authorization: `Bearer ${given.token}` };
}

/** Yields the commands: the one given by `--list` or `--call`, or one a line from the script file or standard input. */
export async function* commands(given) {
  if (given.list) yield { list: true };
  if (given.call !== undefined) yield { call: given.call, args: JSON.parse(given.args) };
  if (given.list || given.call !== undefined) return;
  if (given.script !== undefined) {
    for (const line of readFileSync(given.script, 'utf8').split('\n')) if (line.trim() !== '') yield JSON.parse(line);
    return;
  }
  for await (const line of createInterface({ input: process.stdin })) if (line.trim() !== '') yield JSON.parse(line);
}

/** One JSON line on standard output for each answer. */
export function print(answer) {
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}

/** Carries out one command on a connected client; an error becomes an answer with its code. */
export async function carryOut(client, command, timeout) {
  try {
    if (command.list) return { tools: await toolNames(client, timeout) };
    if (command.call !== undefined) return { result: shown(await client.callTool({ name: command.call, arguments: command.args ?? {} }, ...callOptions(client, timeout))) };
    throw new Error('a command is {"list":true} or {"call":NAME,"args":{}}');
  } catch (error) {
    return { error: described(error) };
  }
}
