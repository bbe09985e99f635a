// What the tests of this folder set up: a provider, a server that takes its tokens, and the way a person connects.
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { Browser } from './browser.mjs';
import { provide } from './provider.mjs';
import { upstream } from './upstream.mjs';

/** A key that statements are signed with. */
export const signing = generateKeyPairSync('ec', { namedCurve: 'P-256' });

/** A provider and a server of its own, which the instance knows as `slug`. */
export async function scene(instance, slug, settings = {}) {
  const { life = 600, grace = 0 } = settings;
  const redirectUri = `${instance.url}/api/v1/oauth/callback`;
  const provider = await provide({ life, grace, redirectUri, key: signing.publicKey.export({ format: 'jwk' }) });
  const server = await upstream(provider);
  await instance.register(slug, server.url);
  const close = () => {
    provider.close();
    server.close();
  };
  return { slug, provider, server, close };
}

/** Connects the account of an identity as whoever holds the key of the API would: by the address that the API answers. */
export async function connect(instance, slug, { identity, account = 'ada' } = {}) {
  const begun = await instance.admin('POST', `/servers/${slug}/connections`, identity === undefined ? {} : { identity });
  const end = await new Browser().visit(begun.authorize_url, account);
  assert.equal(end.status, 200, `${end.way.join('\n')}\n${end.text}`);
  assert.match(end.text, /connected/i);
  return { begun, end };
}

/** Sets the server's credential to a client, connects its account, looks at its tools; answers with a grant token. */
export async function connected(instance, slug, oauth = {}) {
  await instance.admin('PUT', `/servers/${slug}/credential`, { oauth });
  if (oauth.grant !== 'client_credentials') await connect(instance, slug, oauth.per_identity ? { identity: '' } : {});
  const looked = await instance.admin('POST', `/servers/${slug}/refresh`);
  assert.equal(looked.problem ?? null, null, JSON.stringify(looked));
  return oauth.per_identity ? undefined : instance.grant(`agent-of-${slug}`, slug);
}
