// Words of credentials: every kind, what state each is in, and what connecting an account means.

export const credentials = {
  title: 'Credential',
  about:
    'What the server wants to see from callers. It is sealed at once and used for allowed calls alone; agents never hold it.',
  none: 'No credential is set',
  noneText: 'Calls leave without one. Set it if the server wants to see who calls.',
  set: 'Set credential',
  replace: 'Replace',
  kind: 'Kind',
  kinds: {
    headers: 'Headers with fixed values',
    authorization_code: 'OAuth: people consent',
    client_credentials: 'OAuth: the client asks for itself',
  } as Record<string, string>,
  state: 'State',
  opens: 'It opens with the present keys. Test it to see whether the server takes it.',
  closed: 'Does not open',
  closedText: (version: string) =>
    `Key ${version} that sealed it is not loaded, or the record was changed. Replace it.`,
  headers: 'Headers',
  setAt: 'Set',
  replaced: 'Replaced',
  times: (n: number) => (n <= 1 ? 'never' : n === 2 ? 'once' : `${n - 1} times`),
  keyVersion: 'Sealed with key',
  lastUsed: 'Last used',
  neverUsed: 'no call is recorded',
  clientId: 'Client',
  issuer: 'Authorization server',
  method: 'Proves itself by',
  methods: {
    none: 'nothing: it is a public client, and PKCE protects the consent',
    client_secret_basic: 'its secret, in a header',
    client_secret_post: 'its secret, in the body',
    private_key_jwt: 'a statement signed with its private key',
  } as Record<string, string>,
  scopes: 'Scopes asked for',
  noScopes: 'none: what the server gives by itself',
  wanted: {
    title: (n: number) =>
      n === 1 ? 'The server wants 1 scope more' : `The server wants ${n} scopes more`,
    about:
      'It refused calls for want of them, and the agents were told so. Nobody is asked for them until an admin says so here.',
    calls: 'Calls that it refused',
    which: 'Ask for these too',
    pick: 'Choose at least one scope.',
    nextConnect:
      'Client and accounts stay. An account has the new scopes once it is connected again.',
    nextItself: 'The client asks for itself: the next token has them.',
    go: (n: number) => (n <= 1 ? 'Ask for 1 scope more' : `Ask for ${n} scopes more`),
    done: 'Asked for from now on',
    doneConnect: 'Connect the account again below for it to get them.',
    doneItself: 'The next call gets a token that has them.',
  },
  accountFor: 'Accounts',
  shared: 'one, which all agents share',
  perIdentity: 'one for each identity of grants',

  test: 'Test',
  tested: (tools: number, version: string) =>
    `It opens, and the server answers with it: MCP ${version}, ${tools === 1 ? '1 tool' : `${tools} tools`}.`,
  testedNot: 'The server does not answer with it:',

  remove: 'Disconnect',
  removeTitle: (slug: string) => `Disconnect ${slug}?`,
  removeText:
    'The credential is erased here, and every account that was connected with it. Calls leave without one until another is set. It stays good at the server itself: end it there too.',
  removeGo: 'Erase the credential',

  replaceWarns: {
    headers: 'The next call uses the new one. Calls that have left already are not touched.',
    oauth: 'Accounts that are connected now are erased: their people have to connect again.',
  },

  how: 'Kind of credential',
  ways: {
    none: {
      label: 'None',
      about: 'Calls leave without one.',
    },
    bearer: {
      label: 'Bearer token',
      about: 'A token that the server gave out, sent as Authorization: Bearer.',
    },
    headers: {
      label: 'Headers',
      about: 'API keys and whatever else it wants, in one header or several.',
    },
    authorization_code: {
      label: 'OAuth, with consent',
      about: 'Somebody signs in at the server and allows it: once for all, or each for themselves.',
    },
    client_credentials: {
      label: 'OAuth, for itself',
      about: 'A client that was made at the server gets tokens with its secret or private key.',
    },
  },
  useNone: 'Use no credential',
  save: 'Seal and use it',
  header: 'Header',
  headerOf: (n: number) => `Header ${n}`,
  value: 'Value',
  valueOf: (n: number) => `Value ${n}`,
  valueHint: 'Sealed at once; never shown again',
  tokenHint: 'The token alone, without Bearer. Sealed at once; never shown again',
  addHeader: 'Add a header',
  takeHeader: (n: number) => `Take header ${n} away`,

  discover: 'Ask the server',
  discoverAbout:
    'The server says which authorization server gives out its tokens. Nothing is set by asking.',
  found: (issuer: string) => `It names ${issuer}.`,
  noConsent:
    'People cannot consent there: it offers no page for it, or not with PKCE and S256. Use a client that asks for itself.',
  client: 'The client there',
  clients: {
    automatic: 'Find or make one',
    made: 'One was made there',
    document: 'It is described by a document of yours',
  },
  automatic: {
    document: (url: string) => `It takes documents: this instance is known by ${url}`,
    registers: 'It makes clients for whoever asks: one is registered for this instance.',
    neither: 'It does neither. Make a client there, and name it here.',
    unasked: 'By the document of this instance where that is taken, by registration elsewhere.',
  },
  redirect: 'Enter this address there as the one to come back to:',
  clientIdLabel: 'Client id',
  documentLabel: 'Address of the document',
  proves: 'It proves itself by',
  provesBy: {
    nothing: 'nothing (public client)',
    secret: 'a secret',
    key: 'a private key',
  },
  secret: 'Client secret',
  privateKey: 'Private key',
  privateKeyHint: 'PKCS#8 in PEM. It signs a statement for every token (private_key_jwt).',
  authMethod: 'How the secret is sent',
  authMethods: {
    '': 'as the authorization server says',
    client_secret_basic: 'in a header',
    client_secret_post: 'in the body',
  },
  scopesLabel: 'Scopes',
  scopesHint: 'Separated by blanks. Empty: those that the server asks for.',
  issuerLabel: 'Only this authorization server',
  issuerHint: 'If the server ever names another one here, it is refused. Empty: what it names now.',
  each: 'Each identity connects an account of its own',
  eachHint:
    'Agents of ana@example.org then act with what Ana connected, and with nothing else. Off: one account for all.',

  reveal: 'Reveal',
  revealOff: 'Off on this instance: control.reveal_credentials is not set.',
  revealTitle: (slug: string) => `Reveal the credential of ${slug}?`,
  revealText:
    'It is shown once, for 30 seconds. Your name and your reason are on record before it is shown, and everybody who reads the log of changes sees them.',
  reason: 'Reason, for the record',
  revealGo: 'Reveal it once',
  revealed: 'Shown once',
  goneIn: (seconds: number) => `Gone in ${seconds} s`,
  hideNow: 'Hide it now',
  clientSecret: 'client secret or private key',
  noValues: 'There is no value to show: it is a public client. Tokens are never shown.',

  connections: 'Connected accounts',
  connectionsAbout: {
    own: 'Each identity of grants uses its own account at the server. Calls of an identity without one are refused, and the agent is told where its person connects.',
    shared: 'All agents use this account at the server.',
    itself: 'The client gets its tokens by itself. Nobody has to consent.',
  },
  account: 'Account',
  sharedAccount: 'shared by all',
  token: 'Token',
  connected: 'Connected',
  noConnections: 'Nobody has connected an account yet',
  noConnectionsText: 'Every call that needs one is refused until then.',
  connectNow: 'Connect an account',
  connectAgain: 'Connect again',
  listing: 'looks at the server and lists its tools',
  connectWhat: 'What it is for',
  connectWhats: {
    identity: 'agents of one identity',
    listing: 'looking at the server, which lists its tools',
  },
  connectFor: 'For which identity',
  connectForHint:
    'As grants name it. You consent in its place: its agents then act with the account you sign in with.',
  goThere: 'Go to the authorization server',
  disconnect: 'Disconnect',
  disconnectTitle: (who: string) => `Disconnect ${who}?`,
  disconnectText:
    'Its tokens are erased here, and its calls are refused until somebody connects it again. What it may still do at the authorization server is ended there.',
  disconnectGo: 'Erase its tokens',

  works: 'Works',
  waitsFirst: 'Ready: the first call gets its token',
  notOpening: 'Its tokens do not open.',
  needed: 'Reconnect needed',
  neededBy: (who: string) => `By ${who}.`,
  anAdmin: 'an admin',
  orAdmin: (who: string) => `${who} or an admin`,
  reasons: {
    revoked: 'The consent was ended at the server, or it no longer takes what was kept.',
    expired: 'The token ended, and there was nothing to renew it with.',
    refresh_lost:
      'The process died between getting a token and keeping it, and the authorization server takes the older one no more.',
    broader_scope: 'More was granted than was asked for, so it was not used.',
  } as Record<string, string>,
  ends: 'Token ends',
  noEnd: 'not said',
  renews: 'renewed before',
  notRenewed: 'cannot be renewed: connect again after it',
  refreshed: 'Last got',
  sealedWith: (version: number) => `key ${version}`,
  by: 'by',
};

export const own = {
  title: (server: string) => `Your account at ${server}`,
  sharedTitle: (server: string) => `The account at ${server}`,
  about: (who: string) =>
    `Agents of ${who} act at this server with your account, inside what their policies allow. You consent at the server; the tokens are sealed here, and no agent ever sees them.`,
  sharedAbout:
    'All agents act at this server with one account, inside what their policies allow. Whoever connects it consents at the server for all of them.',
  sharedNotYou: 'An admin connects it. You have nothing to do here.',
  itself: 'Nobody has to consent: this instance gets its tokens for this server by itself.',
  server: 'Server',
  account: 'Account',
  shared: 'shared by all agents',
  where: 'You consent at',
  asked: 'What is asked for',
  state: 'State',
  notConnected: 'Not connected',
  notConnectedText: 'Calls that need it are refused, and their agents are sent here.',
  agents: 'What agents will be able to do with it',
  noAgents: 'No grant uses this account yet. Connecting it lets nobody do anything.',
  under: 'under the policy',
  noPolicy: 'has no policy for this server: every call is denied',
  expired: 'expired',
  stopped: (state: string) => `is ${state}`,
  go: (server: string) => `Connect your account at ${server}`,
  goShared: (server: string) => `Connect the account at ${server}`,
  again: 'Connect again',
  results: {
    connected: {
      title: 'Connected',
      text: 'Calls use it from now on. Tell the agent to try again.',
    },
    expired: {
      title: 'Not connected',
      text: 'The answer was used before, is too late, or belongs to another browser. Begin again.',
    },
    other_issuer: {
      title: 'Not connected',
      text: 'The answer was not from the authorization server that was asked. Nothing was sent to it. Tell an admin if it happens again.',
    },
    changed: {
      title: 'Not connected',
      text: 'The credential was changed meanwhile. Begin again.',
    },
    declined: {
      title: 'Not connected',
      text: 'The authorization server says that nobody consented. Nothing was changed.',
    },
    failed: {
      title: 'Not connected',
      text: 'The authorization server answered with an error of its own. Try again in a while; if it stays so, an admin sees the reason in the log.',
    },
    not_allowed: {
      title: 'Not connected',
      text: 'Your role, or your membership, ended meanwhile. Ask an admin.',
    },
    no_token: {
      title: 'Not connected',
      text: 'The authorization server gave no usable token for this consent. Begin again; if it stays so, an admin looks at the client there.',
    },
    broader_scope: {
      title: 'Not connected',
      text: 'More was granted than was asked for, so nothing was kept. An admin can add the scopes to the credential, and then you connect again.',
    },
    not_kept: {
      title: 'Not connected',
      text: 'The connection could not be kept. Begin again.',
    },
  } as Record<string, { title: string; text: string }>,
};
