// Passkeys: the browser's own ceremony, between the server's challenge and its check.
import { http, type Schemas } from '../api/client';

/** The person ended the browser's dialog, or it found no passkey. */
export class NoPasskey extends Error {}

/** Whether this browser can use passkeys at all. */
export const canUsePasskeys = (): boolean =>
  typeof PublicKeyCredential === 'function' &&
  typeof PublicKeyCredential.parseRequestOptionsFromJSON === 'function';

async function shown<T>(ceremony: Promise<Credential | null>): Promise<T> {
  const credential = await ceremony.catch(() => null);
  if (!(credential instanceof PublicKeyCredential)) throw new NoPasskey();
  return credential.toJSON() as T;
}

function answer(options: Schemas['RequestOptions']): Promise<Schemas['Assertion']> {
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(
    options.publicKey as unknown as PublicKeyCredentialRequestOptionsJSON,
  );
  return shown(navigator.credentials.get({ publicKey }));
}

/** Signs in with a passkey; who it is, the passkey says. */
export async function signInWithPasskey(): Promise<void> {
  const { data } = await http.POST('/api/v1/sign-in/passkey/begin', {});
  if (!data) throw new NoPasskey();
  await http.POST('/api/v1/sign-in/passkey/finish', { body: { credential: await answer(data) } });
}

/** Proves afresh who is signed in, with a passkey of theirs. */
export async function proveWithPasskey(): Promise<void> {
  const { data } = await http.POST('/api/v1/session/fresh/passkey/begin', {});
  if (!data) throw new NoPasskey();
  const credential = await answer(data);
  await http.POST('/api/v1/session/fresh/passkey/finish', { body: { credential } });
}

/** Makes a passkey for who is signed in. */
export async function addPasskey(label: string): Promise<void> {
  const { data } = await http.POST('/api/v1/me/passkeys/begin', {});
  if (!data) throw new NoPasskey();
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(
    data.publicKey as unknown as PublicKeyCredentialCreationOptionsJSON,
  );
  const credential = await shown<Schemas['Attestation']>(
    navigator.credentials.create({ publicKey }),
  );
  await http.POST('/api/v1/me/passkeys', { body: { label, credential } });
}
