// Words of calls that wait for people: the inbox, and the page where one is decided.

const plural = (n: number, one: string, many: string) => `${n} ${n === 1 ? one : many}`;

export const approvals = {
  title: 'Approvals',
  about: 'Calls that wait for a person. What is signed off is one call, to the letter, once.',
  tabs: { mine: 'For you', others: 'For others', decided: 'Decided' },
  columns: {
    tool: 'Tool',
    grant: 'Grant',
    rule: 'Rule',
    left: 'Time left',
    state: 'State',
    ended: 'When',
    said: 'Who',
  },
  empty: {
    mine: 'Nothing waits for you',
    others: 'Nothing waits for others',
    decided: 'Nothing was decided yet',
  },
  emptyText:
    'A call lands here when a rule of its policy asks people, and you are one of them. Values are shown only when you open one.',
  emptyOthers: 'Calls that other people are asked about, or that you may not decide, stand here.',
  emptyDecided: 'What was approved, denied, expired or taken back stands here, without its values.',
  asked: (n: number) => (n > 1 ? `asked ${n} times` : ''),
  left: (text: string) => `${text} left`,
  over: 'over',
  tune: (rule: string, n: string, whole: boolean) =>
    `${rule} asked for ${whole ? n : `at least ${n}`} approvals in 24 hours. A rule that asks so often is approved without looking: consider a higher threshold or a limit.`,
  tuneGo: 'Look at the rule',
  states: {
    pending: 'Waiting',
    approved: 'Approved, not used yet',
    denied: 'Denied',
    expired: 'Expired',
    withdrawn: 'Withdrawn',
    consumed: 'Approved and used',
  } as Record<string, string>,

  one: {
    waitingFor: (who: string, given: number, count: number) =>
      `Waiting for ${who} · ${given} of ${count}`,
    group: (name: string) => name,
    role: (name: string) => `any ${name}`,
    route: 'From agent to server',
    exactly: 'Exactly what will be sent',
    sealed:
      'The arguments are sealed. Opening them shows you exactly what would be sent, and is written down with your name. It decides nothing.',
    open: 'Open the arguments',
    barred: {
      not_asked: 'The rule asks other people.',
      owner: 'The grant is yours: nobody signs off their own calls.',
      issuer: 'You issued the grant, and the organisation is strict.',
      editor: 'You wrote the rule last, and the organisation is strict.',
      viewer: 'Viewers decide nothing.',
      decided: 'You have decided. It waits for others.',
      ended: 'It has ended.',
    } as Record<string, string>,
    late: {
      said: (who: string, said: string) =>
        `${who} ${said} this a moment ago. Your word was not taken.`,
      other: 'It ended a moment ago. Your word was not taken.',
      note: (note: string) => `Your note was not kept: “${note}”`,
      close: 'I have seen it',
    },
    notYours: 'Only those whom the rule asks can open the arguments.',
    none: 'This call has no arguments.',
    answers: 'Answers that are sent along',
    byAgent: 'written by the agent',
    unit: 'unit not declared',
    money: (value: string, currency: string) => `(${value} ${currency})`,
    characters: (n: number) => plural(n, 'character', 'characters'),
    folded: 'Show all of it',
    unfold: (name: string) => `Show all of ${name}`,
    hasEscapes:
      'Characters that cannot be seen, or pass for Latin letters in a word or a name, stand as \\u{…}.',
    read: (name: string) => `(reads “${name}”)`,
    elsewhere: (name: string, characters: number) =>
      `${name}: ${plural(characters, 'character', 'characters')} written by the agent, on the page behind this.`,
    kinds: { object: 'object', array: 'list' } as Record<string, string>,
    fingerprint: 'fingerprint',
    fingerprintAbout: 'Your word counts for this exact call and no other.',

    why: 'Why you',
    asks: 'The rule',
    message: 'The policy says',
    signers: (count: number) => `${plural(count, 'person', 'people')} must say yes`,
    may: 'May decide',
    cannot: 'Cannot',
    nobody:
      'Nobody whom the rule asks can decide. An admin can change the group or take this back.',
    said: 'Said so far',
    saidWord: { approved: 'approved', denied: 'denied' } as Record<string, string>,
    askedBy: 'First asked',
    times: 'Asked',
    timesText: (n: number) => plural(n, 'time', 'times'),
    theCall: 'The call',

    effect: 'What this would bring each limit to',
    noLimits: 'No limit counts this call.',
    limit: (counter: string, before: string, after: string, max: string) =>
      `${counter}: ${before} → ${after} of ${max}`,
    full: 'Does not fit any more: approved now, it would still be denied.',
    wouldDeny: (rule: string) =>
      `Judged again now, it would be denied by ${rule}. Approving would change nothing.`,
    wouldHold: (rule: string) =>
      `Judged again now, it would be held by ${rule}, which asks anew. The policy has changed.`,

    note: 'Note (optional)',
    noteAbout: 'Kept with your name in the record.',
    deny: 'Deny',
    approve: 'Approve…',
    approveOnce: 'Approve once',
    denyThis: 'Deny this call',
    sureApprove: 'Approve this one call?',
    sureDeny: 'Deny this one call?',
    approveAbout:
      'It may then be made once, until its time is over. Nothing else is allowed by it.',
    denyAbout: 'The agent is told that it was denied. The arguments are erased.',
    back: 'Back',
    asleep: {
      unopened: 'Open the arguments first.',
      folded: 'Read the long values first.',
      moment: 'A moment, so that nothing is pressed by mistake.',
      over: 'The time is over.',
    },
    announced: (seconds: number) => {
      const [minutes, rest] = [Math.floor(seconds / 60), seconds % 60];
      const parts = [
        ...(minutes > 0 ? [plural(minutes, 'minute', 'minutes')] : []),
        ...(rest > 0 ? [plural(rest, 'second', 'seconds')] : []),
      ];
      return `${parts.join(' ')} left to decide.`;
    },

    result: {
      approved: 'Approved. The agent can make this call once, until its time is over.',
      denied: 'Denied. The agent is told, and the arguments are erased.',
      expired: 'Nobody decided in time, or the agent did not come back in time.',
      withdrawn: 'Taken back.',
      consumed: 'Approved, and the call was made.',
    } as Record<string, string>,
    reason: 'Why',
    reasons: {
      policy_changed: 'The policy changed: the call is judged again.',
      tool_changed: 'The tool changed: the call is judged again.',
    } as Record<string, string>,
    erased: 'The values are erased. The fingerprint stays.',
    usedBy: 'See the call that used it',
    fromCall: 'See the call that asked',
    withdraw: 'Take back',
    withdrawTitle: 'Take this approval back?',
    withdrawText: 'The call is then judged anew when the agent asks again.',
    withdrawReason: 'Reason, for the record',
    toList: 'All approvals',
  },
  waits: (n: number) => `${n} for you`,
};
