// The official TypeScript client 2.x: `--mode legacy` opens a session, `--mode auto` asks the server which era it speaks.
//
//   node ts2.mjs --url URL [--token TOKEN] [--mode legacy|auto] --info | --list | --call NAME [--args JSON] | --script FILE
//
// Without one of those, commands are read from standard input; README.md describes them and the answers.

import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { answerMax, clientOptions, converse, headersOf, options } from './lib.mjs';

const given = options(clientOptions, ['url']);
const ANSWER_MAX = answerMax(given);
const client = new Client({ name: 'peers-ts2', version: '1.0.0' }, { versionNegotiation: { mode: given.mode } });
const transport = new StreamableHTTPClientTransport(new URL(given.url), { requestInit: { headers: headersOf(given) } });

await converse(given, {
  connect: () => client.connect(transport, ANSWER_MAX),
  info: () => ({ protocolVersion: client.getNegotiatedProtocolVersion(), server: client.getServerVersion(), capabilities: client.getServerCapabilities() }),
  list: (params) => client.listTools(params, ANSWER_MAX),
  call: (params) => client.callTool(params, ANSWER_MAX),
  close: () => client.close(),
});
