// A small proxy that adds `Authorization: Bearer TOKEN`, because the conformance suite cannot send a header.
// It changes nothing else: Host and Origin stay, bodies stream, and the upstream is cut off when the client goes away.

import http from 'node:http';

/** Starts on a free port of 127.0.0.1 in front of `target` (a URL); returns the URL to use instead, and how to stop. */
export async function bearerProxy(target, token) {
  const { hostname, port, pathname, search } = new URL(target);
  const server = http.createServer((request, response) => {
    // Header lines are passed in their own spelling and number, so that what the suite sends is what arrives.
    const headers = request.rawHeaders.slice();
    if (token !== undefined) headers.push('Authorization', `Bearer ${token}`);
    const upstream = http.request({ hostname, port, method: request.method, path: request.url, headers, agent: false, setHost: false });
    upstream.on('response', (answer) => {
      response.writeHead(answer.statusCode, answer.statusMessage, answer.rawHeaders);
      response.flushHeaders();
      answer.on('error', () => response.destroy());
      answer.pipe(response);
    });
    upstream.on('error', () => (response.headersSent ? response.destroy() : response.writeHead(502).end()));
    response.on('close', () => upstream.destroy());
    request.pipe(upstream);
  });
  server.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  return {
    url: `http://localhost:${server.address().port}${pathname}${search}`,
    stop: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
