// Every official client against every upstream, and the conformance suite against the fixture: `node --test`.
//
// Without more, directly: the upstreams are started here. With PEERS_GATEWAY naming a JSON file
// `{"everything":{"url":…,"token":…},"fastmcp":{…},"payments":{…},"fixture":{…}}`, the same checks run through those
// endpoints, behind which the upstreams already stand, and what passes directly must pass there too (`"direct"`: the
// fixture's own URL).

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, test } from 'node:test';

const here = import.meta.dirname;
const python = join(here, '.venv', 'bin', 'python');
const gateway = process.env.PEERS_GATEWAY === undefined ? undefined : JSON.parse(await readFile(process.env.PEERS_GATEWAY, 'utf8'));
const recorded = JSON.parse(await readFile(join(here, 'passing.json'), 'utf8'));

const CLIENTS = [
  ['node', 'ts1.mjs', 'legacy'],
  ['node', 'ts2.mjs', 'legacy'],
  ['node', 'ts2.mjs', 'auto'],
  [python, 'py_mcp.py', 'legacy'],
  [python, 'py_mcp.py', 'auto'],
  [python, 'py_fastmcp.py', 'legacy'],
  [python, 'py_fastmcp.py', 'auto'],
];

// For each upstream: how it is started, the era that `auto` finds, some of its tools, and calls with parts of their answers.
const UPSTREAMS = {
  everything: {
    start: ['node', 'everything.mjs'],
    auto: '2025-11-25',
    tools: ['echo', 'get-sum', 'get-structured-content'],
    calls: [
      ['echo', { message: 'grüß dich 👋' }, { text: 'Echo: grüß dich 👋', isError: false }],
      ['get-sum', { a: 2, b: 3 }, { text: 'The sum of 2 and 3 is 5.', isError: false }],
      ['get-tiny-image', {}, { content: ['text', 'image', 'text'], isError: false }],
    ],
  },
  fastmcp: {
    start: [python, 'fastmcp_server.py'],
    auto: '2026-07-28',
    tools: ['add', 'send_payment', 'list_payments', 'write_note', 'read_note', 'delete_note', 'count_slowly'],
    calls: [
      ['add', { a: 2, b: 40 }, { structuredContent: { result: 42 }, isError: false }],
      ['write_note', { title: 'a', body: 'b', tags: ['x', 'y'] }, { text: 'Written: a (x, y)', isError: false }],
      ['read_note', { title: 'nothing of that name' }, { text: "There is no note 'nothing of that name'.", isError: true }],
      ['count_slowly', { to: 3 }, { structuredContent: { result: 3 }, isError: false }],
    ],
  },
  // The product's own payments server: it is started by whoever starts the gateway.
  ...(gateway && {
    payments: {
      auto: '2026-07-28',
      tools: ['list_invoices', 'get_invoice', 'refund_payment', 'create_charge', 'create_payout', 'delete_customer'],
      calls: [
        ['list_invoices', {}, { content: ['text'], isError: false }],
        ['get_invoice', { invoice: 'in_1007' }, { content: ['text'], isError: false }],
        ['get_invoice', { invoice: 'in_0' }, { text: 'No such invoice: in_0', isError: true }],
      ],
    },
  }),
  fixture: {
    start: ['node', 'fixture.mjs'],
    auto: '2026-07-28',
    tools: ['test_simple_text', 'test_header_mirror', 'json_schema_2020_12_tool'],
    calls: [
      ['test_header_mirror', { region: 'nörth', note: 'n' }, { text: 'Region: nörth', isError: false }],
      ['test_tool_with_progress', {}, { text: 'Tool with progress executed successfully', isError: false }],
      ['test_multiple_content_types', {}, { content: ['text', 'image', 'resource'], isError: false }],
    ],
  },
};

const SUITES = Object.keys(recorded).map((name) => name.split(' '));
const started = [];
let endpoints = gateway;

before(async () => {
  if (endpoints !== undefined) return;
  const urls = await Promise.all(Object.values(UPSTREAMS).map(({ start }) => startUpstream(...start)));
  endpoints = Object.fromEntries(Object.keys(UPSTREAMS).map((name, at) => [name, { url: urls[at] }]));
});
after(() => started.forEach((process) => process.kill()));

for (const [name, upstream] of Object.entries(UPSTREAMS)) {
  describe(`upstream ${name}`, () => {
    for (const [program, script, mode] of CLIENTS) {
      test(`${script} in mode ${mode} lists and calls`, async () => {
        const calls = upstream.calls.map(([call, args]) => ({ call, args }));
        const answers = await talk(program, script, mode, endpoints[name], [{ info: true }, { list: true }, ...calls, { call: 'no_such_tool' }]);
        assert.equal(answers[0].info.protocolVersion, mode === 'auto' ? upstream.auto : '2025-11-25');
        for (const tool of upstream.tools) assert.ok(answers[1].tools.includes(tool), `${tool} is not in ${answers[1].tools}`);
        upstream.calls.forEach(([call, , expected], at) => {
          const { result, error } = answers[2 + at];
          assert.equal(error, undefined, `${call}: ${JSON.stringify(error)}`);
          for (const [part, value] of Object.entries(expected)) assert.deepEqual(result[part], value, `${call}: ${part}`);
        });
        const unknown = answers.at(-1);
        // Servers differ here, so a gateway that hides tools answers for all of them in one way.
        if (gateway === undefined) assert.ok(unknown.result?.isError === true || unknown.error?.code === -32602, JSON.stringify(unknown));
        else assert.equal(unknown.error?.code, -32602, JSON.stringify(unknown));
      });
    }
  });
}

describe('conformance', () => {
  for (const [suite, version] of SUITES) {
    test(`suite ${suite}, ${version}`, async () => {
      const folder = await mkdtemp(join(tmpdir(), 'peers-'));
      try {
        const direct = join(folder, 'direct.json');
        await conformance(suite, version, { url: gateway?.fixture.direct ?? endpoints.fixture.url }, direct);
        const passing = JSON.parse(await readFile(direct, 'utf8')).filter(({ result }) => result === 'passed');
        assert.deepEqual(passing.map(({ scenario }) => scenario), recorded[`${suite} ${version}`]);
        if (gateway === undefined) return;
        const through = join(folder, 'gateway.json');
        await conformance(suite, version, endpoints.fixture, through);
        const compared = await run('node', ['compare.mjs', direct, through]);
        assert.equal(compared.code, 0, compared.printed);
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    });
  }
});

async function conformance(suite, version, { url, token }, out) {
  const withToken = token === undefined ? [] : ['--token', token];
  const ran = await run('node', ['conformance.mjs', '--url', url, ...withToken, '--package', suite, '--version', version, '--out', out]);
  assert.equal(ran.code, 0, ran.printed);
}

/** Starts an upstream on a free port and waits for its `ready`. */
async function startUpstream(program, script) {
  const port = await freePort();
  const upstream = spawn(program, [join(here, script), '--port', String(port)], { stdio: ['ignore', 'pipe', 'ignore'] });
  started.push(upstream);
  const gone = once(upstream, 'close').then(([code]) => Promise.reject(new Error(`${script} ended with ${code}`)));
  const lines = createInterface({ input: upstream.stdout });
  const [line] = await Promise.race([once(lines, 'line'), gone]);
  gone.catch(() => {});
  assert.equal(line, 'ready');
  return `http://127.0.0.1:${port}/mcp`;
}

async function freePort() {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

/** Sends commands to a client script, one at a time on one connection, and returns its answers. */
async function talk(program, script, mode, { url, token }, sent) {
  const withToken = token === undefined ? [] : ['--token', token];
  const client = spawn(program, [join(here, script), '--url', url, '--mode', mode, ...withToken], { stdio: ['pipe', 'pipe', 'inherit'] });
  const closed = once(client, 'close');
  const answers = [];
  const lines = createInterface({ input: client.stdout })[Symbol.asyncIterator]();
  for (const command of sent) {
    client.stdin.write(`${JSON.stringify(command)}\n`);
    const { value, done } = await lines.next();
    assert.ok(!done, `${script} ended before it answered ${JSON.stringify(command)}`);
    answers.push(JSON.parse(value));
    assert.equal(answers.at(-1).connect, undefined, value);
  }
  client.stdin.end();
  const [code] = await closed;
  assert.equal(code, 0);
  return answers;
}

async function run(program, args) {
  const process = spawn(program, args, { cwd: here, stdio: ['ignore', 'pipe', 'pipe'] });
  let printed = '';
  for (const stream of [process.stdout, process.stderr]) stream.setEncoding('utf8').on('data', (part) => (printed += part));
  const [code] = await once(process, 'close');
  return { code, printed };
}
