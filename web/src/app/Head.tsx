// The right end of the head: how the instance is, colours, and the account.
import { Button, Kbd, Menu, Text, UnstyledButton, useMantineColorScheme } from '@mantine/core';
import { IconChevronDown, IconCircleFilled, IconSearch } from '@tabler/icons-react';
import { useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { api } from '../api/client';
import { t } from '../text';
import { to } from './links';

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

export function AccountMenu({ name }: { name: string }) {
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const queries = useQueryClient();
  const navigate = useNavigate();
  const leave = api.useMutation('delete', '/api/v1/session', {
    onSuccess: () => {
      queries.clear();
      void navigate(to.signIn());
    },
  });
  return (
    <Menu position="bottom-end" width={220}>
      <Menu.Target>
        <UnstyledButton aria-label={t.shell.account(name)} mih={28}>
          <Text size="sm" component="span" className="cs-cut" maw={160} display="inline-block">
            {name}
          </Text>{' '}
          <IconChevronDown size={14} aria-hidden />
        </UnstyledButton>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label c="dimmed">{t.shell.scheme.label}</Menu.Label>
        {(['auto', 'light', 'dark'] as const).map((scheme) => (
          <Menu.Item
            key={scheme}
            onClick={() => setColorScheme(scheme)}
            fw={scheme === colorScheme ? 700 : 400}
            aria-current={scheme === colorScheme}
          >
            {t.shell.scheme[scheme]}
          </Menu.Item>
        ))}
        <Menu.Divider />
        <Menu.Item onClick={() => leave.mutate({})}>{t.shell.signOut}</Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
