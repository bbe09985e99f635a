// The one builder of links: every address inside the dashboard is made here.
import { linkOptions } from '@tanstack/react-router';

export type PolicyTab = 'build' | 'json' | 'tests' | 'simulate' | 'history';
export type ServerTab = 'tools' | 'credential' | 'connect';

/** What the log is filtered by; all of it stands in the address. */
export interface LogFilter {
  grant?: string | undefined;
  server?: string | undefined;
  tool?: string | undefined;
  decision?: string | undefined;
  outcome?: string | undefined;
  rule?: string | undefined;
  since?: string | undefined;
  until?: string | undefined;
}

export const to = {
  overview: () => linkOptions({ to: '/' }),
  logs: (search: LogFilter = {}) => linkOptions({ to: '/logs', search }),
  call: (call: string, search: LogFilter = {}) =>
    linkOptions({ to: '/logs/$call', params: { call }, search }),
  servers: () => linkOptions({ to: '/servers' }),
  server: (slug: string, tab: ServerTab = 'tools', tool?: string) =>
    linkOptions({ to: '/servers/$slug/$tab', params: { slug, tab }, search: { tool } }),
  tools: () => linkOptions({ to: '/tools', search: {} }),
  policies: () => linkOptions({ to: '/policies' }),
  policy: (id: string, tab: PolicyTab = 'build', at?: string) =>
    linkOptions({ to: '/policies/$id/$tab', params: { id, tab }, search: { at } }),
  version: (id: string, n: number, rule?: string) =>
    linkOptions({ to: '/policies/$id/v/$n', params: { id, n: String(n) }, search: { rule } }),
  grants: () => linkOptions({ to: '/grants', search: {} }),
  matrix: () => linkOptions({ to: '/grants', search: { view: 'matrix' } }),
  grant: (id: string) => linkOptions({ to: '/grants/$id', params: { id } }),
  audit: (search: { event?: string; subject?: string } = {}) =>
    linkOptions({ to: '/audit', search }),
  keys: () => linkOptions({ to: '/keys' }),
  settings: () => linkOptions({ to: '/settings' }),
  welcome: (token?: string) => linkOptions({ to: '/welcome', search: { token } }),
  signIn: (next?: string) => linkOptions({ to: '/sign-in', search: { next } }),
};
