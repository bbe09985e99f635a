// Password, passkey and OpenID Connect in a real browser, against a real provider.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { PASSWORD, launch, person, serve } from './instance.mjs';
import { provide } from './provider.mjs';

let instance, browser, provider;

before(async () => {
  instance = await serve();
  browser = await launch();
  provider = await provide(`${instance.base}/api/v1/sign-in/oidc/callback`);
});

after(async () => {
  await browser?.close();
  provider?.close();
  await instance?.stop();
});

const setupToken = () => new URL(instance.setup_url).hash.slice(1);
const cookieOf = async (who) => (await who.context.cookies()).find((c) => c.name === '__Host-countersign');

test('the setup link makes the first admin, and the browser keeps the session', async () => {
  const ada = await person(browser, instance.base);
  assert.equal((await ada.api('GET', '/sign-in')).body.setup, true);
  const link = { token: setupToken(), email: 'ada@example.org', name: 'Ada', password: PASSWORD };
  const done = await ada.api('POST', '/setup', link);
  assert.equal(done.status, 200, JSON.stringify(done.body));
  assert.equal((await ada.api('POST', '/setup', link)).status, 410);
  const cookie = await cookieOf(ada);
  assert.deepEqual(
    [cookie.httpOnly, cookie.secure, cookie.sameSite, cookie.path],
    [true, true, 'Strict', '/'],
  );
  assert.equal(await ada.page.evaluate(() => document.cookie), '');
  assert.equal((await ada.api('GET', '/session')).body.member.role, 'admin');
  await ada.page.reload();
  assert.equal((await ada.api('GET', '/session')).status, 200);
});

test('a password signs in by name and by number, and signing out ends it', async () => {
  for (const base of [instance.base, instance.control_url]) {
    const ada = await person(browser, base);
    const wrong = await ada.api('POST', '/sign-in/password', { email: 'ada@example.org', password: 'not this one' });
    assert.equal(wrong.status, 401);
    const good = await ada.api('POST', '/sign-in/password', { email: 'ada@example.org', password: PASSWORD });
    assert.equal(good.status, 200, JSON.stringify(good.body));
    const made = await ada.api('POST', '/policies', { name: `by-${new URL(base).hostname.replaceAll('.', '-')}` });
    assert.equal(made.status, 201, JSON.stringify(made.body));
    const before = (await cookieOf(ada)).value;
    assert.equal((await ada.api('DELETE', '/session')).status, 204);
    assert.equal(await cookieOf(ada), undefined);
    // Whoever kept a copy of it has nothing.
    const copy = await fetch(`${base}/api/v1/session`, { headers: { cookie: `__Host-countersign=${before}` } });
    assert.equal(copy.status, 401);
  }
});

test('a page of another site can neither read nor change anything', async () => {
  const ada = await person(browser, instance.base);
  await ada.api('POST', '/sign-in/password', { email: 'ada@example.org', password: PASSWORD });
  const elsewhere = await ada.context.newPage();
  await elsewhere.goto(provider.issuer);
  const reached = await elsewhere.evaluate(async (url) => {
    const tries = [
      () => fetch(`${url}/session`, { credentials: 'include' }),
      () => fetch(`${url}/session`, { method: 'DELETE', credentials: 'include' }),
      () => fetch(`${url}/policies`, { method: 'POST', credentials: 'include', body: '{"name":"evil"}' }),
    ];
    const ended = [];
    for (const attempt of tries) ended.push(await attempt().then((answer) => answer.status, () => 'refused'));
    return ended;
  }, `${instance.base}/api/v1`);
  assert.deepEqual(reached, ['refused', 'refused', 'refused']);
  assert.equal((await ada.api('GET', '/session')).status, 200);
  const policies = (await instance.admin('GET', '/policies')).items.map((policy) => policy.name);
  assert.ok(!policies.includes('evil'));
});

test('a passkey is registered, signs in alone, and proves afresh', async () => {
  const ada = await person(browser, instance.base);
  const devtools = await ada.context.newCDPSession(ada.page);
  await devtools.send('WebAuthn.enable');
  await devtools.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2',
      transport: 'internal',
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  });
  const create = (options) =>
    ada.page.evaluate(async (options) => {
      const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options);
      return (await navigator.credentials.create({ publicKey })).toJSON();
    }, options);
  const get = (options) =>
    ada.page.evaluate(async (options) => {
      const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
      return (await navigator.credentials.get({ publicKey })).toJSON();
    }, options);

  await ada.api('POST', '/sign-in/password', { email: 'ada@example.org', password: PASSWORD });
  const begun = await ada.api('POST', '/me/passkeys/begin');
  assert.equal(begun.status, 200, JSON.stringify(begun.body));
  const credential = await create(begun.body.publicKey);
  const made = await ada.api('POST', '/me/passkeys', { label: 'laptop', credential });
  assert.equal(made.status, 201, JSON.stringify(made.body));

  assert.equal((await ada.api('DELETE', '/session')).status, 204);
  for (let time = 0; time < 2; time++) {
    const options = (await ada.api('POST', '/sign-in/passkey/begin')).body.publicKey;
    const answer = { credential: await get(options) };
    const signed = await ada.api('POST', '/sign-in/passkey/finish', answer);
    assert.equal(signed.status, 200, JSON.stringify(signed.body));
    assert.equal(signed.body.session.method, 'passkey');
    assert.equal((await ada.api('POST', '/sign-in/passkey/finish', answer)).status, 410);
  }
  const options = (await ada.api('POST', '/session/fresh/passkey/begin')).body.publicKey;
  const proved = await ada.api('POST', '/session/fresh/passkey/finish', { credential: await get(options) });
  assert.equal(proved.status, 200, JSON.stringify(proved.body));

  const list = (await ada.api('GET', '/me/passkeys')).body.items;
  assert.deepEqual(list.map((passkey) => passkey.label), ['laptop']);
  assert.equal((await ada.api('DELETE', `/me/passkeys/${list[0].id}`)).status, 204);
  const gone = (await ada.api('POST', '/sign-in/passkey/begin')).body.publicKey;
  const refused = await ada.api('POST', '/sign-in/passkey/finish', { credential: await get(gone) });
  assert.equal(refused.status, 401);
});

/** Walks through the provider's pages as this account. */
async function visit(who, account) {
  await who.page.goto(`${instance.base}/api/v1/sign-in/oidc/real?next=/api/v1/health`);
  await who.page.fill('input[name=login]', account);
  await who.page.fill('input[name=password]', 'anything');
  await who.page.click('button[type=submit]');
  await who.page.click('button[type=submit]');
  await who.page.waitForURL((url) => url.href.startsWith(instance.base) && !url.pathname.endsWith('/callback'));
  return new URL(who.page.url());
}

test('an OpenID provider vouches for people', async () => {
  await instance.admin('POST', '/identity-providers', {
    slug: 'real',
    name: 'The real one',
    issuer: provider.issuer,
    client_id: 'countersign',
    client_secret: 'a secret with spaces & signs: %+/:',
    roles: { staff: 'viewer', security: 'policy_manager' },
  });
  const ada = await person(browser, instance.base);
  assert.deepEqual((await ada.api('GET', '/sign-in')).body.oidc, [{ id: 'real', name: 'The real one' }]);
  // The only admin by password keeps that role, whatever the provider's groups say.
  assert.equal((await visit(ada, 'ada')).pathname, '/api/v1/health');
  const who = await ada.api('GET', '/session');
  assert.equal(who.status, 200, `${JSON.stringify(who.body)} ${instance.log()}`);
  assert.deepEqual(
    [who.body.member.email, who.body.session.method],
    ['ada@example.org', 'provider'],
  );

  const eve = await person(browser, instance.base);
  const end = await visit(eve, 'eve');
  assert.deepEqual([end.pathname, end.search], ['/sign-in', '?error=no_role']);
  assert.equal(await cookieOf(eve), undefined);
});

test('nothing that lets people in was logged', () => {
  const log = instance.log();
  for (const secret of [PASSWORD, setupToken(), 'css1_', 'a secret with spaces', 'code=']) {
    assert.ok(!log.includes(secret), `${secret} is in the log`);
  }
});
