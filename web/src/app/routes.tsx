// Every route of the dashboard, on one page.
import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Outlet,
  redirect,
} from '@tanstack/react-router';
import { api } from '../api/client';
import { queries } from '../api/query';
import { ProblemView } from '../ui/ProblemView';
import type { AuditFilter, LogFilter, PolicyTab, ServerTab, Which } from './links';
import { Nowhere } from './Nowhere';
import { Shell } from './Shell';

type Search = Record<string, unknown>;

/** A text of the address, or nothing. */
const text = (search: Search, name: string): string | undefined => {
  const value = search[name];
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  return typeof value === 'string' && value !== '' ? value : undefined;
};

/** The names that are there, so that an absent one leaves no trace in the address. */
function texts<K extends string>(search: Search, ...names: K[]): { [P in K]?: string | undefined } {
  const found: { [P in K]?: string } = {};
  for (const name of names) {
    const value = text(search, name);
    if (value !== undefined) found[name] = value;
  }
  return found;
}

const logFilter = (search: Search): LogFilter =>
  texts(
    search,
    'grant',
    'server',
    'tool',
    'decision',
    'outcome',
    'policy',
    'rule',
    'since',
    'until',
  );

const root = createRootRoute({
  component: Outlet,
  notFoundComponent: Nowhere,
  errorComponent: ({ error, reset }) => <ProblemView error={error} retry={reset} />,
});

const signIn = createRoute({
  getParentRoute: () => root,
  path: '/sign-in',
  validateSearch: (search: Search) => texts(search, 'next', 'error'),
  component: lazyRouteComponent(() => import('../pages/SignIn'), 'SignIn'),
});

/** First run: it begins before anybody can sign in. */
const welcome = createRoute({
  getParentRoute: () => root,
  path: '/welcome',
  component: lazyRouteComponent(() => import('../pages/Welcome'), 'Welcome'),
});

const invite = createRoute({
  getParentRoute: () => root,
  path: '/invite',
  component: lazyRouteComponent(() => import('../pages/Invite'), 'Invite'),
});

/** Everything that somebody has to be signed in for. */
const inside = createRoute({ getParentRoute: () => root, id: 'inside', component: Shell });

const overview = createRoute({
  getParentRoute: () => inside,
  path: '/',
  validateSearch: (search: Search) => texts(search, 'server', 'span'),
  component: lazyRouteComponent(() => import('../pages/Overview'), 'Overview'),
});

const approvals = createRoute({
  getParentRoute: () => inside,
  path: '/approvals',
  validateSearch: (search: Search): { which?: Which } => {
    const { which } = search;
    return which === 'others' || which === 'decided' ? { which } : {};
  },
  component: lazyRouteComponent(() => import('../pages/Approvals'), 'Approvals'),
});

const approval = createRoute({
  getParentRoute: () => inside,
  path: '/approvals/$id',
  // Asked for at once, beside the frame and the page itself: phones are slow to come back.
  loader: ({ params }) => {
    void queries.prefetchQuery(
      api.queryOptions('get', '/api/v1/approvals/{id}', { params: { path: { id: params.id } } }),
    );
    void queries.prefetchQuery(api.queryOptions('get', '/api/v1/me', {}));
  },
  component: lazyRouteComponent(() => import('../pages/Approval'), 'Approval'),
});

const logs = createRoute({
  getParentRoute: () => inside,
  path: '/logs',
  validateSearch: logFilter,
  component: lazyRouteComponent(() => import('../pages/Logs'), 'Logs'),
});

const call = createRoute({ getParentRoute: () => logs, path: '$call' });

const servers = createRoute({
  getParentRoute: () => inside,
  path: '/servers',
  component: lazyRouteComponent(() => import('../pages/Servers'), 'Servers'),
});

const serverHome = createRoute({
  getParentRoute: () => inside,
  path: '/servers/$slug',
  beforeLoad: ({ params }) => {
    throw redirect({
      to: '/servers/$slug/$tab',
      params: { ...params, tab: 'tools' },
      replace: true,
    });
  },
});

const server = createRoute({
  getParentRoute: () => inside,
  path: '/servers/$slug/$tab',
  params: {
    parse: ({ slug, tab }): { slug: string; tab: ServerTab } => ({
      slug,
      tab: tab === 'credential' || tab === 'connect' ? tab : 'tools',
    }),
  },
  validateSearch: (search: Search) => texts(search, 'tool', 'result'),
  component: lazyRouteComponent(() => import('../pages/Server'), 'Server'),
});

const tools = createRoute({
  getParentRoute: () => inside,
  path: '/tools',
  validateSearch: (search: Search) => texts(search, 'state', 'find'),
  component: lazyRouteComponent(() => import('../pages/Tools'), 'Tools'),
});

const policies = createRoute({
  getParentRoute: () => inside,
  path: '/policies',
  component: lazyRouteComponent(() => import('../pages/Policies'), 'Policies'),
});

const policyHome = createRoute({
  getParentRoute: () => inside,
  path: '/policies/$id',
  beforeLoad: ({ params }) => {
    throw redirect({
      to: '/policies/$id/$tab',
      params: { ...params, tab: 'build' },
      replace: true,
    });
  },
});

const TABS: PolicyTab[] = ['build', 'json', 'tests', 'simulate', 'history'];

const policy = createRoute({
  getParentRoute: () => inside,
  path: '/policies/$id/$tab',
  params: {
    parse: ({ id, tab }): { id: string; tab: PolicyTab } => ({
      id,
      tab: TABS.find((known) => known === tab) ?? 'build',
    }),
  },
  validateSearch: (search: Search) => texts(search, 'at', 'tool', 'view', 'call', 'review'),
  component: lazyRouteComponent(() => import('../pages/Policy'), 'Policy'),
});

const version = createRoute({
  getParentRoute: () => inside,
  path: '/policies/$id/v/$n',
  validateSearch: (search: Search) => texts(search, 'rule'),
  component: lazyRouteComponent(() => import('../pages/Version'), 'Version'),
});

const grants = createRoute({
  getParentRoute: () => inside,
  path: '/grants',
  validateSearch: (search: Search) => texts(search, 'view', 'state', 'find'),
  component: lazyRouteComponent(() => import('../pages/Grants'), 'Grants'),
});

const grant = createRoute({
  getParentRoute: () => inside,
  path: '/grants/$id',
  component: lazyRouteComponent(() => import('../pages/Grant'), 'Grant'),
});

const audit = createRoute({
  getParentRoute: () => inside,
  path: '/audit',
  validateSearch: (search: Search): AuditFilter =>
    texts(search, 'view', 'who', 'event', 'subject', 'since', 'until'),
  component: lazyRouteComponent(() => import('../pages/Audit'), 'Audit'),
});

const members = createRoute({
  getParentRoute: () => inside,
  path: '/members',
  validateSearch: (search: Search) => texts(search, 'tab'),
  component: lazyRouteComponent(() => import('../pages/Members'), 'Members'),
});

const keys = createRoute({
  getParentRoute: () => inside,
  path: '/keys',
  validateSearch: (search: Search) => texts(search, 'tab'),
  component: lazyRouteComponent(() => import('../pages/Keys'), 'Keys'),
});

const settings = createRoute({
  getParentRoute: () => inside,
  path: '/settings',
  component: lazyRouteComponent(() => import('../pages/Settings'), 'Settings'),
});

const channels = createRoute({
  getParentRoute: () => inside,
  path: '/settings/channels',
  validateSearch: (search: Search) => texts(search, 'channel'),
  component: lazyRouteComponent(() => import('../pages/Channels'), 'Channels'),
});

const tree = root.addChildren([
  signIn,
  welcome,
  invite,
  inside.addChildren([
    overview,
    approvals,
    approval,
    logs.addChildren([call]),
    servers,
    serverHome,
    server,
    tools,
    policies,
    policyHome,
    policy,
    version,
    grants,
    grant,
    audit,
    members,
    keys,
    settings,
    channels,
  ]),
]);

export const router = createRouter({
  routeTree: tree,
  defaultPreload: 'intent',
  scrollRestoration: true,
  defaultNotFoundComponent: Nowhere,
});

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router;
  }
}
