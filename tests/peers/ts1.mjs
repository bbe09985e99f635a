// The official TypeScript SDK 1.x as a client (2025-11-25 and older).
//
//   node ts1.mjs --url URL [--token TOKEN] --info | --list | --call NAME [--args JSON] | --script FILE
//
// Without one of those, commands are read from standard input; README.md describes them and the answers.

import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { answerMax, clientOptions, converse, headersOf, options } from './lib.mjs';

const given = options(clientOptions, ['url']);
if (given.mode !== 'legacy') {
  console.error('the TypeScript SDK 1.x only speaks the legacy era');
  process.exit(2);
}
const ANSWER_MAX = answerMax(given);
const client = new Client({ name: 'peers-ts1', version: '1.0.0' });
const transport = new StreamableHTTPClientTransport(new URL(given.url), { requestInit: { headers: headersOf(given) } });

await converse(given, {
  connect: () => client.connect(transport, ANSWER_MAX),
  info: () => ({ protocolVersion: transport.protocolVersion, server: client.getServerVersion(), capabilities: client.getServerCapabilities() }),
  list: (params) => client.listTools(params, ANSWER_MAX),
  call: (params) => client.callTool(params, undefined, ANSWER_MAX),
  close: () => client.close(),
});
