// Every screen of the dashboard, in one table: what stands here is tried in every way that done.spec.ts
// knows. A new screen needs a line, and nothing else.

export interface Screen {
  /** Where the demo has something to show. */
  path: string;
  /** The list of the API that the screen is about: it is tried empty, failing and forbidden as well. */
  list?: RegExp;
  /** What else of the API it is about: it fails with the list. */
  sums?: RegExp;
  /** The list's own words where there is nothing. */
  empty?: string;
  /** That list is never empty for whoever may see it. */
  full?: true;
  /** The operation without which it shows who can see it instead. */
  needs?: string;
  /** Whoever opens it needs no account. */
  open?: true;
}

const of = (name: string) => new RegExp(`/api/v1/${name}(\\?.*)?$`);

export const SCREENS: Screen[] = [
  {
    path: '/',
    list: of('(grants|servers|approvals)'),
    empty: 'Nothing needs you.',
    sums: of('calls/summary'),
  },
  {
    path: '/approvals',
    list: of('approvals'),
    empty: 'Nothing waits for you',
    needs: 'approvals_list',
  },
  {
    path: '/approvals?which=others',
    list: of('approvals'),
    empty: 'Nothing waits for others',
    needs: 'approvals_list',
  },
  {
    path: '/approvals?which=decided',
    list: of('approvals'),
    empty: 'Nothing was decided yet',
    needs: 'approvals_list',
  },
  { path: '/logs', list: of('calls'), empty: 'No calls', needs: 'calls_list' },
  { path: '/servers', list: of('servers'), empty: 'No servers yet', needs: 'servers_list' },
  {
    path: '/servers/payments/tools',
    list: of('servers/payments/tools'),
    empty: 'This server lists no tools yet',
  },
  { path: '/servers/payments/credential', needs: 'credential_get' },
  { path: '/servers/payments/connect' },
  { path: '/tools', list: of('servers'), empty: 'No servers yet', needs: 'tools_list' },
  { path: '/policies', list: of('policies'), empty: 'No policies yet', needs: 'policies_list' },
  { path: '/policies/support/build' },
  { path: '/policies/support/json' },
  { path: '/policies/support/tests' },
  { path: '/policies/support/simulate' },
  { path: '/policies/support/simulate?view=ask' },
  { path: '/policies/support/simulate?view=replay' },
  { path: '/policies/support/simulate?view=watch' },
  {
    path: '/policies/support/history',
    list: of('policies/[^/]+/versions'),
    empty: 'No version is published yet.',
  },
  { path: '/policies/support/v/1' },
  { path: '/grants', list: of('grants'), empty: 'No grants yet', needs: 'grants_list' },
  { path: '/grants?view=matrix', list: of('grants'), empty: 'No grants yet', needs: 'grants_list' },
  { path: '/grants/support-agent' },
  { path: '/audit', list: of('audit'), empty: 'No changes', needs: 'audit_list' },
  { path: '/audit?view=evidence', list: of('checkpoints'), empty: 'No checkpoint was signed yet.' },
  {
    path: '/audit?view=refusals',
    list: of('refusals'),
    empty: 'Nobody was turned away.',
    needs: 'refusals_list',
  },
  { path: '/members', list: of('members'), full: true, needs: 'members_list' },
  { path: '/members?tab=groups', list: of('groups'), empty: 'No groups yet', needs: 'groups_list' },
  { path: '/members?tab=roles' },
  { path: '/keys', list: of('api-keys'), empty: 'No keys yet', needs: 'keys_list' },
  { path: '/keys?tab=sealing', needs: 'keys_get' },
  {
    path: '/settings',
    list: of('identity-providers'),
    empty: 'None is set up: people sign in with passwords and passkeys.',
  },
  {
    path: '/settings/channels',
    list: of('channels'),
    empty: 'No channels yet',
    needs: 'channels_list',
  },
  { path: '/sign-in', open: true },
  { path: '/welcome', open: true },
  { path: '/invite', open: true },
  { path: '/nowhere' },
];
