// Starts the official server-everything, unmodified, as an upstream (2025-11-25 and older; sessions, event store).
//
//   node everything.mjs --port PORT      listens on 127.0.0.1, endpoint /mcp, prints `ready` when listening

import net from 'node:net';
import { options } from './lib.mjs';

const { port } = options({ port: { type: 'string' } }, ['port']);

// The server itself would listen on every address of the machine: keep it on the loopback, and say when it stands.
const listen = net.Server.prototype.listen;
net.Server.prototype.listen = function (asked, started) {
  return listen.call(this, { port: Number(asked), host: '127.0.0.1' }, () => {
    process.stdout.write('ready\n');
    started?.();
  });
};
console.log = console.error;

process.env.PORT = port;
await import('@modelcontextprotocol/server-everything/dist/transports/streamableHttp.js');
