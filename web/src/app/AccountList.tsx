// The account menu: colours, settings, and the ways out.
import { Menu, Text, UnstyledButton, useMantineColorScheme } from '@mantine/core';
import { IconChevronDown } from '@tabler/icons-react';
import { useNavigate } from '@tanstack/react-router';
import { t } from '../text/core';
import { useLeave } from './leave';
import { to } from './links';

export default function AccountList({ name }: { name: string }) {
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const navigate = useNavigate();
  const leave = useLeave();
  return (
    <Menu position="bottom-end" width={240} defaultOpened>
      <Menu.Target>
        <UnstyledButton aria-label={t.shell.account(name)} className="cs-account">
          <Text size="sm" component="span" className="cs-cut" maw={160} display="inline-block">
            {name}
          </Text>
          <IconChevronDown size={14} aria-hidden />
        </UnstyledButton>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item onClick={() => void navigate(to.settings())}>{t.shell.yourAccount}</Menu.Item>
        <Menu.Divider />
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
        <Menu.Item onClick={() => leave.here.mutate({})}>{t.shell.signOut}</Menu.Item>
        <Menu.Item onClick={() => leave.everywhere.mutate({})}>{t.shell.signOutAll}</Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
