// The client that the conformance suite starts, with the address of a server of its own as the last argument.
//
// It is what an operator and an agent do at a running instance (SUITE_INSTANCE names it): the server is registered there,
// its account is connected by following redirects, and its tool is called through the gateway, with a grant token. It
// never speaks to the suite's server itself. Ends with 1 when the call did not work in the end.

import { randomBytes } from 'node:crypto';
import { Browser } from './browser.mjs';
import { Instance } from './instance.mjs';
import { modern } from './modern.mjs';

/** Where the suite publishes a document that describes its client. */
const DOCUMENT = 'https://conformance-test.local/client-metadata.json';

const scenario = process.env.MCP_CONFORMANCE_SCENARIO ?? '';
const context = JSON.parse(process.env.MCP_CONFORMANCE_CONTEXT ?? '{}');
const instance = Instance.at(JSON.parse(process.env.SUITE_INSTANCE));
const slug = `s${randomBytes(6).toString('hex')}`;

/** The client, as an operator describes it: what the scenario hands out beforehand, else ours. */
function client() {
  const { client_id, client_secret, private_key_pem } = context;
  if (private_key_pem) return { grant: 'client_credentials', client_id, private_key: private_key_pem };
  if (client_secret) return { client_id, client_secret, ...(scenario.includes('client-credentials') && { grant: 'client_credentials' }) };
  return {};
}

/** Finds the authorization server, finds or makes a client there, and connects the account. */
async function set() {
  const oauth = client();
  if (oauth.client_id === undefined) {
    const found = await instance.admin('POST', `/servers/${slug}/credential/discover`);
    // Where no documents are taken the instance registers by itself.
    if (found.takes_documents) oauth.client_document = DOCUMENT;
  }
  await instance.admin('PUT', `/servers/${slug}/credential`, { oauth });
  if (oauth.grant === undefined) await connect();
}

async function connect() {
  const begun = await instance.admin('POST', `/servers/${slug}/connections`);
  const end = await new Browser().visit(begun.authorize_url);
  if (end.status !== 200) throw new Error(`not connected: ${end.text}`);
}

/** Looks at the server, lists and calls as an agent with this grant. */
async function call(token) {
  await instance.admin('POST', `/servers/${slug}/refresh`);
  if (process.env.SUITE_VERSION === '2026-07-28') return modern(`${instance.gatewayUrl}/mcp/${slug}`, token);
  const agent = await instance.agent(slug, token);
  try {
    await agent.client.listTools();
    const { failed, text } = await agent.call('test-tool');
    if (failed) throw new Error(text);
  } finally {
    await agent.close();
  }
}

/** What an operator does who reads that a call was refused: asks for what is wanted, else begins anew. Once. */
async function mend() {
  const { oauth } = await instance.admin('GET', `/servers/${slug}/credential`);
  if (oauth.wanted_scopes.length === 0) return set();
  await instance.admin('PUT', `/servers/${slug}/credential/scopes`, { scopes: [...oauth.scopes, ...oauth.wanted_scopes] });
  return connect();
}

try {
  await instance.register(slug, process.argv.at(-1));
  await set();
  const token = await instance.grant(slug, slug);
  try {
    await call(token);
  } catch (error) {
    console.log('the first call was refused:', error.message);
    await mend();
    await call(token);
  }
} catch (error) {
  console.log(error.message);
  process.exitCode = 1;
}
