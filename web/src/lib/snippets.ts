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
      return curl(url, token);
  }
}

const VERSION = '2026-07-28';

/** A request from a terminal: a call of this tool, or the list of tools. */
export function curl(url: string, token: string, tool?: string): string {
  const method = tool === undefined ? 'tools/list' : 'tools/call';
  const params = {
    ...(tool === undefined ? {} : { name: tool, arguments: {} }),
    _meta: {
      'io.modelcontextprotocol/protocolVersion': VERSION,
      'io.modelcontextprotocol/clientInfo': { name: 'curl', version: '1' },
      'io.modelcontextprotocol/clientCapabilities': {},
    },
  };
  const headers = [
    `authorization: Bearer ${token}`,
    'content-type: application/json',
    'accept: application/json, text/event-stream',
    `mcp-protocol-version: ${VERSION}`,
    `mcp-method: ${method}`,
    ...(tool === undefined ? [] : [`mcp-name: ${tool}`]),
  ];
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params });
  return [`curl -s ${url}`, ...headers.map((header) => `-H '${header}'`), `-d '${body}'`].join(
    ' \\\n  ',
  );
}
