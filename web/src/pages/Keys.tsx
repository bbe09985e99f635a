// Keys: those of the API, and those that seal every secret.
import { Tabs } from '@mantine/core';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { to } from '../app/links';
import { keyring as k } from '../text/keyring';
import { shell } from '../text/shell';
import { Page } from '../ui/Page';
import { ApiKeys } from './keys/ApiKeys';
import { Sealing } from './keys/Sealing';

export function Keys() {
  const search = useSearch({ from: '/inside/keys' });
  const navigate = useNavigate();
  const tab = search.tab === 'sealing' ? 'sealing' : 'api';
  return (
    <Page title={shell.pages.keys}>
      <Tabs
        value={tab}
        keepMounted={false}
        onChange={(next) => void navigate(to.keys(next === 'sealing' ? 'sealing' : undefined))}
      >
        <Tabs.List mb="md">
          <Tabs.Tab value="api">{k.tabs.api}</Tabs.Tab>
          <Tabs.Tab value="sealing">{k.tabs.sealing}</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="api">
          <ApiKeys />
        </Tabs.Panel>
        <Tabs.Panel value="sealing">
          <Sealing />
        </Tabs.Panel>
      </Tabs>
    </Page>
  );
}
