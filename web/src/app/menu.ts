// The menu: three groups, and the operation without which a page shows nothing.
import {
  IconBox,
  IconClipboardList,
  IconHistory,
  IconHome,
  IconKey,
  IconLicense,
  IconSettings,
  IconTicket,
  IconTool,
  IconUserCheck,
  IconUsers,
} from '@tabler/icons-react';
import type { Operation } from './can';
import { to } from './links';

interface Entry {
  page:
    | 'overview'
    | 'approvals'
    | 'members'
    | 'logs'
    | 'servers'
    | 'tools'
    | 'policies'
    | 'grants'
    | 'audit'
    | 'keys'
    | 'settings';
  link: { to: string };
  icon: typeof IconHome;
  /** The letter after `g` that leads there. */
  letter: string;
  needs?: Operation;
}

export const MENU: { group: 'watch' | 'govern' | 'trust'; pages: Entry[] }[] = [
  {
    group: 'watch',
    pages: [
      { page: 'overview', link: to.overview(), icon: IconHome, letter: 'o' },
      {
        page: 'approvals',
        link: to.approvals(),
        icon: IconUserCheck,
        letter: 'i',
        needs: 'approvals_list',
      },
      { page: 'logs', link: to.logs(), icon: IconClipboardList, letter: 'l', needs: 'calls_list' },
    ],
  },
  {
    group: 'govern',
    pages: [
      { page: 'servers', link: to.servers(), icon: IconBox, letter: 's', needs: 'servers_list' },
      { page: 'tools', link: to.tools(), icon: IconTool, letter: 't', needs: 'tools_list' },
      {
        page: 'policies',
        link: to.policies(),
        icon: IconLicense,
        letter: 'p',
        needs: 'policies_list',
      },
      { page: 'grants', link: to.grants(), icon: IconTicket, letter: 'g', needs: 'grants_list' },
    ],
  },
  {
    group: 'trust',
    pages: [
      { page: 'audit', link: to.audit(), icon: IconHistory, letter: 'a', needs: 'audit_list' },
      {
        page: 'members',
        link: to.members(),
        icon: IconUsers,
        letter: 'm',
        needs: 'members_list',
      },
      { page: 'keys', link: to.keys(), icon: IconKey, letter: 'k', needs: 'keys_list' },
      { page: 'settings', link: to.settings(), icon: IconSettings, letter: ',' },
    ],
  },
];
