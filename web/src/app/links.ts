// The one builder of links: every address inside the dashboard is made here.
import { linkOptions } from '@tanstack/react-router';

export type PolicyTab = 'build' | 'json' | 'tests' | 'simulate' | 'history';
export type Which = 'mine' | 'others' | 'decided';
export type ServerTab = 'tools' | 'credential' | 'connect';

/** What the log is filtered by; all of it stands in the address. */
export interface LogFilter {
  grant?: string | undefined;
  server?: string | undefined;
  tool?: string | undefined;
  decision?: string | undefined;
  outcome?: string | undefined;
  policy?: string | undefined;
  rule?: string | undefined;
  since?: string | undefined;
  until?: string | undefined;
}

/** What the log of changes is filtered by. */
export interface AuditFilter {
  view?: string | undefined;
  who?: string | undefined;
  event?: string | undefined;
  subject?: string | undefined;
  since?: string | undefined;
  until?: string | undefined;
}

export const to = {
  overview: (search: { server?: string | undefined; span?: string | undefined } = {}) =>
    linkOptions({ to: '/', search }),
  approvals: (which?: Which) =>
    linkOptions({ to: '/approvals', search: which && which !== 'mine' ? { which } : {} }),
  approval: (id: string) => linkOptions({ to: '/approvals/$id', params: { id } }),
  logs: (search: LogFilter = {}) => linkOptions({ to: '/logs', search }),
  call: (call: string, search: LogFilter = {}) =>
    linkOptions({ to: '/logs/$call', params: { call }, search }),
  servers: () => linkOptions({ to: '/servers' }),
  server: (slug: string, tab: ServerTab = 'tools', tool?: string) =>
    linkOptions({ to: '/servers/$slug/$tab', params: { slug, tab }, search: { tool } }),
  tools: () => linkOptions({ to: '/tools', search: {} }),
  policies: () => linkOptions({ to: '/policies' }),
  policy: (id: string, tab: PolicyTab = 'build', at?: string, view?: string) =>
    linkOptions({ to: '/policies/$id/$tab', params: { id, tab }, search: { at, view } }),
  /** A new test of the policy, begun from a call of the log. */
  testOf: (id: string, call: string) =>
    linkOptions({ to: '/policies/$id/$tab', params: { id, tab: 'tests' }, search: { call } }),
  version: (id: string, n: number, rule?: string) =>
    linkOptions({ to: '/policies/$id/v/$n', params: { id, n: String(n) }, search: { rule } }),
  grants: () => linkOptions({ to: '/grants', search: {} }),
  matrix: () => linkOptions({ to: '/grants', search: { view: 'matrix' } }),
  grant: (id: string) => linkOptions({ to: '/grants/$id', params: { id } }),
  audit: (search: AuditFilter = {}) => linkOptions({ to: '/audit', search }),
  members: (tab?: 'groups' | 'roles') =>
    linkOptions({ to: '/members', search: tab ? { tab } : {} }),
  keys: (tab?: 'sealing') => linkOptions({ to: '/keys', search: tab ? { tab } : {} }),
  settings: () => linkOptions({ to: '/settings' }),
  channels: (channel?: string) => linkOptions({ to: '/settings/channels', search: { channel } }),
  welcome: () => linkOptions({ to: '/welcome' }),
  signIn: (next?: string) => linkOptions({ to: '/sign-in', search: { next } }),
};
