// Words of a person's own account, and of what an admin sets up for everybody.

export const account = {
  title: 'Settings',
  you: 'You',
  session: 'Sessions',
  sessionAbout:
    'Browsers in which you are signed in. Unused, one ends after 12 hours, in any case after 7 days.',
  here: 'this browser',
  method: { password: 'password', passkey: 'passkey', provider: 'identity provider' } as Record<
    string,
    string
  >,
  since: 'Signed in',
  seen: 'Last used',
  from: 'From',
  by: 'By',
  endSession: 'End',
  endAll: 'Sign out everywhere',
  endAllText: 'Every session of yours ends, this one too.',
  withKey: 'You act with an API key here: it has no session, no password and no passkeys.',

  passkeys: 'Passkeys',
  passkeysAbout: 'A passkey signs you in with a fingerprint, a face or a code, without a password.',
  noPasskeys: 'You have no passkey yet.',
  addPasskey: 'Add a passkey',
  passkeyName: 'What you call it',
  passkeyHint: 'Such as the name of this device',
  used: 'Last used',
  never: 'never',
  synced: 'copied to your other devices',
  removePasskey: (label: string) => `Remove ${label}`,
  removePasskeyText: 'It no longer signs you in here. Your device may go on listing it.',
  notHere:
    'Passkeys do not work at this address. They need https, or http://localhost on this machine.',

  password: 'Password',
  passwordAbout: 'Changing it ends your other sessions.',
  current: 'Current password',
  currentHint: 'Leave it empty if you have none yet',
  new: 'New password',
  changePassword: 'Change password',
  changed: 'Your password is changed. Your other sessions have ended.',

  clock: 'Clock',
  clockBelieved: 'The clock that limits are counted by is believed. Last counted at',
  clockDoubt: {
    jumped_ahead: (seconds: number) => `The clock jumped ahead by ${seconds.toLocaleString()} s.`,
    fell_back: (seconds: number) => `The clock fell back by ${seconds.toLocaleString()} s.`,
  } as Record<string, (seconds: number) => string>,
  clockSince: 'It was last believed at',
  clockFollows: 'Until somebody confirms it, calls with limits are denied, and no others.',
  clockNothing: 'The clock is believed: there is nothing to confirm.',
  clockConfirm: 'Confirm the clock',
  clockConfirmText:
    'Limits go on from the time that the clock says now. Windows that have turned stay turned.',
  clockReason: 'Why the clock was moved, for the record',

  providers: 'Identity providers',
  providersAbout:
    'People sign in by them with OpenID Connect. Groups there can decide roles and groups here.',
  noProviders: 'None is set up: people sign in with passwords and passkeys.',
  addProvider: 'Add a provider',
  editProvider: (name: string) => `Change ${name}`,
  removeProvider: (name: string) => `Remove ${name}`,
  removeProviderText: 'Its people stay members; those who have no other way in need a link.',
  on: 'switched on',
  off: 'switched off',
  slug: 'Short name',
  slugHint: 'Part of its address; it cannot be changed',
  name: 'Name on the button',
  issuer: 'Issuer',
  issuerHint: 'Exactly as its discovery document says it. It is asked before this is kept.',
  clientId: 'Client id',
  secret: 'Client secret',
  secretHint: 'Sealed at once and never shown again',
  secretKept: 'One is kept. Leave it empty to keep it, unless issuer or client change',
  scopes: 'More scopes',
  scopesHint: 'Beside openid email profile, separated by blanks',
  groupsClaim: 'Claim that lists groups',
  roles: 'Roles by group',
  rolesHint: 'One a line, such as: platform = policy_manager',
  groups: 'Groups by group',
  groupsHint: 'One a line, such as: fin-ops = finance',
  defaultRole: 'Role of people whose groups give none',
  noDefault: 'none: they are turned away',
  trustEmail: 'Trust addresses that the provider does not call verified',
  trustEmailHint: 'Only where nobody can choose their own address there, such as Entra ID',
  enabled: 'People may sign in by it',
  comeBack: 'Register this address there as the one to come back to:',
  badLine: (line: string) => `“${line}” is not NAME = VALUE.`,
  save: 'Save',

  approvals: 'Approvals',
  strict: 'Strict separation of duties',
  strictAbout:
    'Whoever issued the grant, or wrote the rule last, cannot approve its calls either. The owner of a grant never can.',
  showNotes: 'Tell agents what people wrote when they deny',
  showNotesAbout: 'Off, agents learn only that the call was denied.',

  instance: 'This instance',
};

export const unknown = {
  title: 'Outcomes nobody knows',
  about:
    'These calls left us and no answer came back. What they would have used stays counted until a person says what became of them.',
  aboutOne:
    'This call left us and no answer came back. What it holds stays counted until a person says what became of it.',
  holds: 'Holds',
  resolve: 'Say what became of it',
  title1: 'What became of this call?',
  ask: 'Look at the server it went to before you answer. Your word is final.',
  settled: 'It was carried out: keep it counted',
  released: 'It was not carried out: give the room back',
  reason: 'How that is known, for the record',
  go: 'Record this',
  more: 'More than are shown here.',
  attention: (n: number) =>
    n === 1 ? '1 call has an outcome nobody knows' : `${n} calls have an outcome nobody knows`,
};

export const views = {
  label: 'Saved views',
  none: 'No saved views',
  save: 'Save view',
  name: 'Name of this view',
  nameHint: 'Kept in this browser; the address can be sent to anybody',
  remove: (name: string) => `Forget ${name}`,
};
