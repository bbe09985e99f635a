// The right end of the head: how the instance is, colours, and the account.
import { Button, Kbd, Text, UnstyledButton } from '@mantine/core';
import { IconChevronDown, IconCircleFilled, IconSearch } from '@tabler/icons-react';
import { lazy, Suspense, useState } from 'react';
import { api } from '../api/client';
import { t } from '../text/core';

const loadMenu = () => import('./AccountList');
const AccountList = lazy(loadMenu);

export function SearchButton({ onClick }: { onClick: () => void }) {
  return (
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
  );
}

export function HealthDot() {
  const health = api.useQuery('get', '/api/v1/health', {}, { refetchInterval: 15_000, retry: 0 });
  const status = health.error ? 'unknown' : (health.data?.status ?? 'unknown');
  const color = status === 'ok' ? 'var(--cs-allowed)' : 'var(--cs-denied)';
  return (
    <Text size="sm" component="span" visibleFrom="sm" style={{ color, whiteSpace: 'nowrap' }}>
      <IconCircleFilled size={10} aria-hidden /> {t.shell.health[status]}
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
