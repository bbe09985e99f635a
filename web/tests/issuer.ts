// An issuer that is only looked at: it publishes where its endpoints are, and signs nobody in.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Starts it; answers with its address and how it is ended. */
export async function issuer(): Promise<{ url: string; end: () => void }> {
  const server = createServer((_request, response) => {
    const { port } = server.address() as AddressInfo;
    const url = `http://127.0.0.1:${port}`;
    response.writeHead(200, { 'content-type': 'application/json' }).end(
      JSON.stringify({
        issuer: url,
        authorization_endpoint: `${url}/authorize`,
        token_endpoint: `${url}/token`,
        jwks_uri: `${url}/keys`,
        response_types_supported: ['code'],
        code_challenge_methods_supported: ['S256'],
      }),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, end: () => server.close() };
}
