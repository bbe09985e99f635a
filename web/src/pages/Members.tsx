// People: members with their roles, the groups that rules ask, and what each role may do.
import { Tabs } from '@mantine/core';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { to } from '../app/links';
import { people as p } from '../text/people';
import { Page } from '../ui/Page';
import { Groups } from './members/Groups';
import { People } from './members/People';
import { Roles } from './members/Roles';

const TABS = ['members', 'groups', 'roles'] as const;
type Tab = (typeof TABS)[number];

export function Members() {
  const search = useSearch({ from: '/inside/members' });
  const navigate = useNavigate();
  const tab: Tab = TABS.find((known) => known === search.tab) ?? 'members';
  return (
    <Page title={p.title} about={p.about}>
      <Tabs
        value={tab}
        keepMounted={false}
        onChange={(next) =>
          void navigate(to.members(next === 'groups' || next === 'roles' ? next : undefined))
        }
      >
        <Tabs.List mb="md">
          {TABS.map((name) => (
            <Tabs.Tab key={name} value={name}>
              {p.tabs[name]}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <Tabs.Panel value="members">
          <People />
        </Tabs.Panel>
        <Tabs.Panel value="groups">
          <Groups />
        </Tabs.Panel>
        <Tabs.Panel value="roles">
          <Roles />
        </Tabs.Panel>
      </Tabs>
    </Page>
  );
}
