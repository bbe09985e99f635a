// Words of what a draft would do to limits.

export const limits = {
  title: 'Effect on limits',
  about:
    'What is counted now, and how full windows were in the last seven days, looked at through the limits of this draft. Counted amounts are kept, so this needs no value of any call.',
  none: 'Neither the draft nor what is live has limits.',
  unused: 'No grant has this policy yet: nothing is counted.',
  unchanged: (n: number) => (n === 1 ? '1 limit stays as it is.' : `${n} limits stay as they are.`),
  all: 'No limit changes.',
  showUnchanged: 'Show them',
  columns: {
    limit: 'Limit',
    terms: 'From → to',
    now: 'Counted now',
    past: 'Last 7 days',
  },
  change: { new: 'new', changed: 'changed', removed: 'removed', same: 'same' } as Record<
    string,
    string
  >,
  per: (max: string, window: string) => `${max} in ${window}`,
  nothing: 'none',
  counted: (counted: string, left: string) => `${counted}, ${left} left`,
  countedOnly: (counted: string) => `${counted}, held by nothing`,
  full: (counted: string) => `${counted}: full at once`,
  fullText: 'Further calls are denied',
  until: 'until',
  over: (n: number) => (n === 1 ? '1 window held more.' : `${n} windows held more.`),
  notOver: 'No window held more.',
  peak: (most: string) => `The most was ${most}`,
  on: 'on',
  empty: 'Nothing was counted under this name.',
  notExact: 'Older usage is kept by the hour or day: it may have been more.',
  denied: (n: string) => (n === '1' ? 'It denied 1 call.' : `It denied ${n} calls.`),
  more: (n: number) => `${n} more budgets are not shown.`,
};
