// Words of the log of changes, of the evidence, and of who was turned away.

export const audit = {
  title: 'Audit',
  about:
    'Every change that people and programs made, and how others can check that none is missing.',
  tabs: { changes: 'Changes', evidence: 'Evidence', refusals: 'Turned away' },
  columns: {
    index: 'No.',
    when: 'When',
    who: 'Who',
    what: 'What',
    subject: 'On',
    changes: 'Before and after',
    from: 'From',
  },
  filterWho: 'Who',
  filterWhoHint: 'address or id',
  filterEvent: 'What',
  filterEventHint: 'grant.revoked, grant.*',
  filterSubject: 'On',
  filterSubjectHint: 'id',
  filterSince: 'Since',
  spans: {
    '': 'the beginning',
    hour: 'the last hour',
    day: 'the last 24 hours',
    week: 'the last 7 days',
  },
  clear: 'Clear filters',
  export: 'Export these as JSONL',
  empty: 'No changes',
  emptyText:
    'No change fits the filter. Every change of a server, policy, grant, key or member appears here.',
  lookedAt: 'Looking is written down too: it is the newest line.',

  refusalsAbout:
    'Requests that no grant or session stands behind, counted by minute, address and reason.',
  count: 'Count',
  reason: 'Reason',
  prefix: 'Token begins with',
  noRefusals: 'Nobody was turned away.',

  evidenceAbout:
    'Decisions, outcomes and changes are entries of one append-only log. Somebody else can check it with one file and one public key, without trusting this server or its database.',
  state: 'The log now',
  length: 'Length',
  entries: (n: string) => `${n} entries`,
  root: 'Root',
  key: 'Public key (signer)',
  signed: 'Last checkpoint',
  cosigned: 'Cosigned by',
  cosignedByNone: 'no witness',
  witnessed: 'Last witness',
  neverWitnessed: 'never: no other machine has seen it',
  witnessedUnknown: 'not known',
  noCheckpoints: 'No checkpoint was signed yet.',
  keep: 'Keep a checkpoint and the key somewhere this server cannot reach: only they show that a tail was cut off or an old copy put back.',
  checkpointFile: 'Download this checkpoint',
  verify: 'Check the log',
  verifyAbout: 'Reads every entry. The check is an entry itself.',
  holds: 'Nothing was found.',
  fails: 'The log does not hold.',
  unentered: (n: number) => `${n} rows that no entry speaks of: somebody else wrote them.`,
  checkpoints: (n: number) => `${n} checkpoints looked at`,
  command: 'To check the server',
  exportEvidence: 'Export the evidence',
  exportAbout:
    'One file with every entry of the log, for the command above, run on another machine.',
  health: 'Exports',
  healthAbout:
    'No call waits for an export. One that lags is told here, and delivers all of it once it can.',
  noExports: 'The log is exported nowhere. Exports are set in the configuration of the instance.',
  healthStates: { ok: 'delivers', lagging: 'lags behind' },
  recent: 'Checkpoints',
  at: 'Signed',
  size: 'Entries',

  proof: {
    show: 'Proof that it is in the log',
    about: (index: string, size: string) =>
      `Entry ${index} of ${size}, with its way up to a signed checkpoint.`,
    none: 'There is no entry of this call.',
    file: 'Download the proof',
    offline: 'It is checked elsewhere with',
  },
};
