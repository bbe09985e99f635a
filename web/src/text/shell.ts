// Words of the frame around every screen, and of the states that every screen can be in.

const role = (name: string): string =>
  ({ viewer: 'viewer', policy_manager: 'policy manager', admin: 'admin' })[name] ?? name;

const article = (name: string): string => (/^[aeiou]/.test(name) ? 'an' : 'a');

export const shell = {
  product: 'Countersign',
  skip: 'Skip to the content',
  menu: 'Menu',
  groups: { watch: 'Watch', govern: 'Govern', trust: 'Trust' },
  pages: {
    overview: 'Overview',
    approvals: 'Approvals',
    logs: 'Logs',
    servers: 'Servers',
    tools: 'Tools',
    policies: 'Policies',
    grants: 'Grants',
    audit: 'Audit',
    members: 'Members',
    keys: 'Keys',
    settings: 'Settings',
    welcome: 'Welcome',
    signIn: 'Sign in',
  },
  toReview: (n: number) => `${n} to review`,
  forYou: (n: number) => `${n} wait for you`,
  zone: (name: string) => `Times are shown in ${name}, and kept in UTC. Change it in Settings.`,
  search: 'Search or run a command',
  searchHint: 'Ctrl K',
  rules: 'Rules',
  runs: 'Commands',
  commands: {
    newGrant: 'Create a grant',
    newPolicy: 'Create a policy',
    newServer: 'Add a server',
    invite: 'Invite somebody',
    newKey: 'Create an API key',
    matrix: 'What each grant may do with each tool',
    verify: 'Verify the record',
    light: 'Colours: light',
    dark: 'Colours: dark',
    auto: 'Colours: as the system',
    signOut: 'Sign out',
  },
  nothingFound: 'Nothing has that name.',
  account: (name: string) => `Account of ${name}`,
  signOut: 'Sign out',
  signOutAll: 'Sign out everywhere',
  yourAccount: 'Your account',
  scheme: { light: 'Light', dark: 'Dark', auto: 'As the system', label: 'Colours' },
  health: {
    ok: 'Ready',
    partly: 'Partly ready',
    degraded: 'Degraded',
    sealed: 'Sealed',
    unknown: 'Not known',
    degradedBar:
      'The store does not answer: every call is refused until it does. What you see may be old.',
    sealedBar:
      'There is no root key that opens the store: every call is refused, and no credential opens.',
    clockBar: 'The clock is in doubt: tools with limits are denied until an admin confirms it.',
    toClock: 'To the clock',
    partBar: (part: string, said: string) => `Late: ${part}. ${said}. No call waits for it.`,
    lostBar: 'This server does not answer. What you see may be old; your changes are still here.',
  },
  keys: {
    title: 'Keys',
    list: [
      ['Ctrl K', 'search, or run a command'],
      ['/', 'to the filter of the page'],
      [
        'g then o, i, l, s, t, p, g, a, m, k',
        'to Overview, Approvals, Logs, Servers, Tools, Policies, Grants, Audit, Members, Keys',
      ],
      ['j, k, Enter', 'down, up, open in a list'],
      ['?', 'this list'],
    ] as const,
    note: 'No key approves, publishes or revokes anything. Single letters can be switched off in Settings.',
  },
};

export const can = {
  needs: (name: string) => `This needs the role ${role(name)}.`,
  notOffered: 'This instance does not offer this.',
  notKnownYet: 'What you may do is not known yet.',
  role,
};

export const states = {
  loading: 'Loading',
  retry: 'Retry',
  requestId: 'Request',
  stillWorks: 'Agents are not affected by this page: the gateway decides calls by itself.',
  forbidden: (name: string) => `Only ${article(role(name))} ${role(name)} can see this.`,
  forbiddenTitle: 'Not for your role',
  leaving: {
    title: 'Leave without it?',
    text: 'What this page shows is shown only once, and you have not said that it is stored. Once you leave it is gone.',
    go: 'Leave, it is lost',
  },
  theirs: {
    load: 'Load theirs',
    loaded:
      'What you typed is still here; what you left alone is theirs now. Save writes over the rest of theirs.',
    nothing: 'Nothing that you typed is something else with them. Save once more to keep it.',
    field: 'Field',
    theirs: 'Theirs',
    yours: 'Yours',
  },
  newest: (count: number) => `The newest ${count} are shown; there are more.`,
  askAdmin: 'An admin can change your role.',
  notFound: 'There is nothing at this address',
  notFoundText: 'It may have been removed, or the link is incomplete.',
  toOverview: 'To the overview',
  stale: (time: string) => `Last update ${time}, reconnecting`,
  at: 'at',
  close: 'Close',
  cancel: 'Cancel',
  back: 'Back',
  save: 'Save',
  copy: 'Copy',
  copied: 'Copied',
  show: 'Show',
  hide: 'Hide',
  more: 'Show more',
  all: 'All',
  none: '–',
  filter: 'Filter',
  type: (text: string) => `Type ${text} to go on`,
  problems: (n: number) => (n === 1 ? '1 problem' : `${n} problems`),
};

export const words = {
  allowed: 'Allowed',
  waiting: 'Waiting',
  denied: 'Denied',
  unknown: 'Unknown',
  hidden: 'Hidden',
};
