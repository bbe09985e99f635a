// What a person pastes into a client so that its agent reaches a server through the gateway.

export type Client = 'claude' | 'cursor' | 'vscode' | 'json' | 'curl';

const pretty = (value: unknown): string => JSON.stringify(value, null, 2);

/** The text for one client; `token` is shown where the client keeps it. */
export function snippet(client: Client, server: string, url: string, token: string): string {
  const headers = { Authorization: `Bearer ${token}` };
  switch (client) {
    case 'claude':
      return `claude mcp add --transport http ${server} ${url} \\\n  --header "Authorization: Bearer ${token}"`;
    case 'cursor':
      return pretty({ mcpServers: { [server]: { url, headers } } });
    case 'vscode':
      return pretty({ servers: { [server]: { type: 'http', url, headers } } });
    case 'json':
      return pretty({ mcpServers: { [server]: { type: 'http', url, headers } } });
    case 'curl':
      return [
        `curl -s ${url} \\`,
        `  -H 'authorization: Bearer ${token}' \\`,
        `  -H 'content-type: application/json' \\`,
        `  -H 'accept: application/json, text/event-stream' \\`,
        `  -H 'mcp-protocol-version: 2025-06-18' \\`,
        `  -d '{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{}}'`,
      ].join('\n');
  }
}
