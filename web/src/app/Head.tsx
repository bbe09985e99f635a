// The head: the way to the search, the zone of moments, and the account.
import { ActionIcon, Button, Kbd, Text, UnstyledButton } from '@mantine/core';
import { IconChevronDown, IconSearch } from '@tabler/icons-react';
import { lazy, Suspense, useState } from 'react';
import { zoneName } from '../lib/format';
import { t } from '../text/core';
import { Go } from '../ui/bits';
import { to } from './links';

const loadMenu = () => import('./AccountList');
const AccountList = lazy(loadMenu);

export function SearchButton({ onClick }: { onClick: () => void }) {
  return (
    <>
      <Button
        variant="default"
        onClick={onClick}
        leftSection={<IconSearch size={16} aria-hidden />}
        rightSection={<Kbd size="xs">{t.shell.searchHint}</Kbd>}
        visibleFrom="sm"
        aria-keyshortcuts="Control+K"
      >
        {t.shell.search}
      </Button>
      <ActionIcon
        variant="subtle"
        color="gray"
        size={44}
        ml="auto"
        onClick={onClick}
        hiddenFrom="sm"
        aria-label={t.shell.search}
      >
        <IconSearch size={20} aria-hidden />
      </ActionIcon>
    </>
  );
}

/** The zone that moments are shown in. */
export function Zone() {
  const name = zoneName();
  return (
    <Text size="sm" component="span" visibleFrom="md">
      <Go {...to.settings()} title={t.shell.zone(name)} c="inherit">
        {name}
      </Go>
    </Text>
  );
}

/** The account: what it holds is loaded when somebody opens it. */
export function AccountMenu({ name }: { name: string }) {
  const [asked, setAsked] = useState(false);
  const button = (
    <UnstyledButton
      aria-label={t.shell.account(name)}
      aria-haspopup="menu"
      className="cs-account"
      onPointerEnter={() => void loadMenu()}
      onClick={() => setAsked(true)}
    >
      <Text size="sm" component="span" className="cs-cut" maw={160} display="inline-block">
        {name}
      </Text>
      <IconChevronDown size={14} aria-hidden />
    </UnstyledButton>
  );
  if (!asked) return button;
  return (
    <Suspense fallback={button}>
      <AccountList name={name} />
    </Suspense>
  );
}
