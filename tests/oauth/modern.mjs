// An agent of 2026-07-28, as far as a list and a call need one.

/** Lists and calls; an error, or a result that is one, is thrown. */
export async function modern(url, token) {
  await ask(url, token, 'tools/list');
  const result = await ask(url, token, 'tools/call', { name: 'test-tool', arguments: {} });
  if (result.isError) throw new Error(result.content.map((part) => part.text).join('\n'));
}

async function ask(url, token, method, params = {}) {
  const version = '2026-07-28';
  const _meta = {
    'io.modelcontextprotocol/protocolVersion': version,
    'io.modelcontextprotocol/clientInfo': { name: 'agent', version: '1.0.0' },
    'io.modelcontextprotocol/clientCapabilities': {},
  };
  const headers = {
    authorization: `Bearer ${token}`,
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    'mcp-protocol-version': version,
    'mcp-method': method,
    ...(params.name && { 'mcp-name': params.name }),
  };
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params: { ...params, _meta } });
  const answer = await fetch(url, { method: 'POST', headers, body });
  const text = await answer.text();
  const data = text.startsWith('{') ? text : text.split('\n').find((line) => line.startsWith('data:'))?.slice(5);
  if (data === undefined) throw new Error(`${answer.status} ${text}`);
  const { result, error } = JSON.parse(data);
  if (error) throw new Error(error.message);
  return result;
}
