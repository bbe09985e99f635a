// Words of the keys that seal every secret.

export const keyring = {
  tabs: { api: 'API keys', sealing: 'Sealing keys' },
  about:
    'Every credential, token and kept value is sealed with one of these keys. The keys themselves are wrapped with the root key, which is kept outside of the database.',
  versions: 'Keys',
  columns: { key: 'Key', state: 'State', records: 'Values sealed with it', act: 'Retire' },
  states: {
    pending: 'pending',
    active: 'active',
    decrypt_only: 'decrypt only',
    retired: 'retired',
  } as Record<string, string>,
  meaning: {
    pending: 'It was drawn, and seals nothing yet.',
    active: 'It seals everything that is written now.',
    decrypt_only: 'It opens what it has sealed, which is sealed again with the active key.',
    retired: 'It neither seals nor opens any more. Older backups hold it themselves.',
  } as Record<string, string>,
  since: (key: number) => `Key ${key} seals`,
  sinceStart: 'since the first start',
  sinceAt: 'since',
  remaining: (left: string) => `${left} values are still sealed with an older key.`,
  rate: (n: number, left: string) => `Up to ${n} a second: about ${left} left.`,
  finishing:
    'Nothing is sealed with the older key any more. It is retired in half a minute, once nobody can hold a row in hand that it sealed.',
  progress: 'Sealing again',
  done: (percent: number) => `${percent} % done`,
  idle: 'No rotation is under way.',
  callsGoOn: 'Calls go on: old and new key open meanwhile. It goes on by itself after a restart.',
  unopened: (n: string) =>
    `${n} values do not open with the key they name. They keep it from being retired: set those credentials anew.`,

  rotate: 'Rotate',
  rotateTitle: 'Rotate the key that seals?',
  rotateText:
    'A new key is drawn and seals from now on. What the old one has sealed is sealed again in the background while calls go on, and then the old key is retired. Backups taken before still open with the root key of their time.',
  rotateGo: 'Draw a new key',
  busy: 'A rotation is under way: wait until the older key is retired.',

  retire: (id: number) => `Retire key ${id}`,
  retireNow: 'Retire now',
  notYet: (n: string) => `${n} values are sealed with it.`,

  root: 'Root key',
  rootAbout:
    'It wraps the keys above and nothing else. Without it the database opens nothing: keep a copy of it apart from the backups.',
  source: 'Read from',
  unknown: 'not said',
  replaced: 'Last replaced',
  neverReplaced: 'never',
  replace: 'Go over to the next root key',
  noNext:
    'The configuration names no next root key: set root_key.next_file or root_key.next_command, and start again.',
  replaceTitle: 'Go over to the next root key?',
  replaceText:
    'All keys are wrapped with it in one step. From then on the root key of now opens nothing but older backups: point root_key at the new one before the next start, and keep the old one as long as its backups.',
  replaceGo: 'Go over to it',
  replacedNote:
    'The keys are wrapped with the next root key. Point root_key at it before the next start.',
};

export const apiKeys = {
  member: 'Belongs to',
  you: 'you',
  whose: 'Whose it is',
  whoseHint: 'It may at most what its member may, at every use.',
  yours: 'Yours',
  lives: 'Ends',
  never: 'never',
  days: (n: number) => `after ${n} days`,
};
