// Words of signing in, of links that let somebody in, and of proving afresh who one is.

export const signing = {
  title: 'Sign in',
  email: 'Email',
  password: 'Password',
  name: 'Your name',
  go: 'Sign in',
  or: 'or',
  with: (name: string) => `Sign in with ${name}`,
  passkey: 'Sign in with a passkey',
  noPasskey: 'No passkey was used. Try again, or sign in another way.',
  passkeysElsewhere:
    'Passkeys do not work at this address. They need https, or http://localhost on this machine.',
  setup: 'This instance has no admin yet.',
  setupHow: 'The terminal that started it printed a link that makes the first one.',
  insecure:
    'This page came over plain http from another machine, so a session would not be safe here. Open it over https, or on the machine itself at http://localhost.',
  lostWay: 'Lost your way in? An admin can make you a link on the page Members.',
  errors: {
    not_a_member: 'Nobody here has your address. Ask an admin to invite you.',
    no_role: 'Your groups at the provider give you no role here. Ask an admin which group does.',
    no_verified_email: 'The provider did not say an address that it has verified.',
    cancelled: 'The sign-in was ended at the provider.',
    visit_expired: 'That took too long, or was begun in another browser. Try again.',
    provider_failed: 'The provider did not answer as it should. Try again, or sign in another way.',
  } as Record<string, string>,
  errorOther: 'The sign-in did not work. Try again.',

  newPassword: 'Password',
  newPasswordHint: 'At least 12 characters. Long is better than odd.',
  invite: {
    title: 'You are invited',
    about:
      'Choose a password to come in. You can add a passkey afterwards, or sign in by your identity provider.',
    noToken: 'This link is incomplete. Open it exactly as you were given it.',
    nameHint: 'As others see you. Leave it empty to keep the one you were invited with.',
    go: 'Accept and sign in',
    gone: 'Links work once and end after a while. An admin can make a new one on the page Members.',
  },
  reset: {
    title: 'A new way in',
    about:
      'Say who you are and choose a new password. Your other sessions end, and your passkeys are removed: whoever lost their way in may have lost it to somebody.',
    go: 'Set password and sign in',
  },

  prove: {
    title: 'Is it you?',
    text: 'This needs a fresh proof of who you are. It then holds for five minutes, and what you began goes on.',
    password: 'Your password',
    go: 'Go on',
    passkey: 'Use a passkey',
    provider: (name: string) => `Ask ${name} again, in a new tab`,
    done: 'I have done so',
    person:
      'You act with an API key here. This needs a person who is signed in: sign in, then do it again.',
  },
  out: {
    title: 'You are signed out',
    text: 'Your session has ended. Sign in again to go on: nothing you typed is lost.',
    go: 'Sign in',
    other: 'Sign in another way, in a new tab',
    checked: 'I have signed in',
  },
};
