// Getting to a first token: registration, clients made beforehand, clients that ask for themselves, people's own accounts.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Browser } from './browser.mjs';
import { Instance } from './instance.mjs';
import { SCOPE, SECRET } from './provider.mjs';
import { connect, connected, scene, signing } from './scene.mjs';

let instance;
const scenes = [];
const open = async (slug, settings) => {
  const made = await scene(instance, slug, settings);
  scenes.push(made);
  return made;
};

before(async () => {
  instance = await Instance.start();
});

after(async () => {
  for (const of of scenes) of.close();
  await instance?.stop();
});

const pem = () => signing.privateKey.export({ type: 'pkcs8', format: 'pem' });

test('a client is registered, a person consents, and calls carry their account', async () => {
  const { slug, provider, server } = await open('registered');
  const token = await connected(instance, slug);
  const shown = await instance.admin('GET', `/servers/${slug}/credential`);
  assert.equal(shown.oauth.issuer, provider.issuer);
  assert.deepEqual(shown.oauth.scopes, [SCOPE, 'offline_access']);
  assert.equal(shown.oauth.resource, server.url);
  const agent = await instance.agent(slug, token);
  assert.deepEqual(await agent.call().then(({ failed, text }) => ({ failed, text })), { failed: false, text: 'ada' });
  const connection = await instance.connection(slug);
  assert.deepEqual([connection.state, connection.renews], ['connected', true]);
  await agent.close();
});

test('a client that was made beforehand proves itself with its secret', async () => {
  const { slug, provider } = await open('beforehand');
  const token = await connected(instance, slug, { client_id: 'made-beforehand', client_secret: SECRET });
  const agent = await instance.agent(slug, token);
  assert.equal((await agent.call()).text, 'ada');
  await agent.close();
  assert.deepEqual(provider.asked.map((of) => [of.kind, of.client, of.method]), [['authorization_code', 'made-beforehand', 'client_secret_basic']]);
});

for (const [what, slug, oauth, method] of [
  ['a secret', 'robot', { client_id: 'robot', client_secret: SECRET }, 'client_secret_basic'],
  ['a key', 'signing-robot', { client_id: 'signing-robot', private_key: pem() }, 'private_key_jwt'],
]) {
  test(`a client that asks for itself proves itself with ${what}, and nobody consents`, async () => {
    const { provider } = await open(slug, { life: 2 });
    const token = await connected(instance, slug, { grant: 'client_credentials', scopes: [SCOPE], ...oauth });
    const agent = await instance.agent(slug, token);
    assert.equal((await agent.call()).text, slug);
    await new Promise((done) => setTimeout(done, 2_100));
    assert.equal((await agent.call()).text, slug, 'the token ended, and another was got');
    await agent.close();
    assert.ok(provider.asked.length >= 2);
    for (const of of provider.asked) assert.deepEqual([of.kind, of.client, of.method, of.given], ['client_credentials', slug, method, true]);
  });
}

test('a wrong secret is said to the operator, not to the agent', async () => {
  const { slug } = await open('wrong-secret');
  await instance.admin('PUT', `/servers/${slug}/credential`, { oauth: { grant: 'client_credentials', client_id: 'robot', client_secret: 'not this one', scopes: [SCOPE] } });
  const tried = await instance.ask('POST', `/servers/${slug}/credential/test`);
  assert.equal(tried.body.problem, "the server's authorization server gives out no token (`invalid_client`)");
  assert.ok(!JSON.stringify(tried.body).includes('not this one'));
  const agent = await instance.agent(slug, await instance.grant('agent-of-wrong-secret', slug)).catch((error) => error);
  assert.match(agent.message, /The gateway got no token for the upstream, and nothing was carried out/);
  assert.doesNotMatch(agent.message, /invalid_client/);
});

/** A member who came in by their invitation, in a browser of their own. */
async function member(name) {
  const email = `${name}@example.org`;
  const { token } = await instance.admin('POST', '/members', { email, role: 'viewer' });
  const browser = new Browser();
  const api = async (method, path, body) => {
    const headers = { 'content-type': 'application/json', origin: new URL(instance.url).origin };
    const answer = await browser.ask(`${instance.url}/api/v1${path}`, { method, headers, body: body && JSON.stringify(body) });
    const text = await answer.text();
    return { status: answer.status, body: text && JSON.parse(text) };
  };
  const accepted = await api('POST', '/invites/accept', { token, password: `tram lemon four ${name}` });
  assert.equal(accepted.status, 200, JSON.stringify(accepted));
  return { email, name, browser, api };
}

test('people connect accounts of their own, calls carry the right one, and who has none gets the link', async () => {
  const { slug, provider } = await open('own-accounts');
  await connected(instance, slug, { per_identity: true });
  const people = [await member('ada'), await member('bob')];
  for (const person of people) {
    const begun = await person.api('POST', `/servers/${slug}/connections`);
    assert.equal(begun.status, 200, JSON.stringify(begun));
    assert.equal(begun.body.identity, person.email);
    // The same address in somebody else's browser comes to nothing, and is used up.
    const stolen = await person.api('POST', `/servers/${slug}/connections`);
    const elsewhere = await new Browser().visit(stolen.body.authorize_url, 'mallory');
    assert.equal(elsewhere.status, 400, elsewhere.text);
    const again = await person.api('POST', `/servers/${slug}/connections`);
    // A person's browser ends on the dashboard's page of the server.
    const page = `${instance.url}/servers/${slug}`;
    const end = await person.browser.visit(again.body.authorize_url, person.name, (url) => url.startsWith(page));
    assert.ok(end.url.startsWith(page), `${end.url}: ${end.text}`);
    const own = (await person.api('GET', `/servers/${slug}/connections`)).body.items;
    assert.deepEqual(own.map((of) => [of.identity, of.state, of.connected_by]), [[person.email, 'connected', person.email]]);
  }
  const agents = await Promise.all(
    [...people.map((of) => of.email), 'cyd'].map(async (identity) => {
      const token = await instance.grant(`own-${identity.split('@')[0]}`, slug, identity);
      return instance.agent(slug, token).catch((error) => error);
    }),
  );
  const [ada, bob, cyd] = agents;
  const said = await Promise.all([1, 2, 3, 4].flatMap(() => [ada.call(), bob.call()]));
  assert.deepEqual(said.map(({ text }) => text), ['ada', 'bob', 'ada', 'bob', 'ada', 'bob', 'ada', 'bob']);
  assert.match(cyd.message, /\[CONNECTION REQUIRED\] `cyd` has connected no account at `own-accounts` yet\. They do so at /);
  assert.equal(cyd.data.connect_url, `${instance.url}/servers/${slug}/connect`);
  // One person's consent is not the other's.
  assert.equal((await people[0].api('POST', `/servers/${slug}/disconnect`)).status, 204);
  const missing = await ada.call();
  assert.equal(missing.failed, true);
  assert.match(missing.text, /^\[CONNECTION REQUIRED\] `ada@example.org` has connected no account at `own-accounts` yet\./);
  assert.ok(missing.text.includes(`${instance.url}/servers/${slug}/connect`), missing.text);
  assert.equal((await bob.call()).text, 'bob');
  const others = await people[0].api('POST', `/servers/${slug}/disconnect`, { identity: people[1].email });
  assert.equal(others.status, 403, JSON.stringify(others));
  for (const agent of [ada, bob]) await agent.close();
  assert.equal(provider.refreshes(), 0);
});
