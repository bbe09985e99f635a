// The frame around every screen: the head, the menu, and what holds for all of them.
import { AppShell, Burger, Group, NavLink, type NavLinkProps, Text } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { createLink, Outlet, useLocation, useNavigate } from '@tanstack/react-router';
import { type ComponentProps, lazy, type Ref, Suspense, useEffect, useState } from 'react';
import { api, problemOf } from '../api/client';
import { t } from '../text/core';
import { Loading } from '../ui/Asked';
import { ProblemView } from '../ui/ProblemView';
import { Again } from './Again';
import { AccountMenu, SearchButton, Zone } from './Head';
import { HealthBar, HealthDot } from './HealthBar';
import { useApprovalsForMe, useToolsToReview } from './badges';
import { useCan } from './can';
import { useKeys } from './keys';
import { MENU } from './menu';
import { to } from './links';

const Palette = lazy(() => import('./Palette'));
const KeyList = lazy(() => import('./KeyList'));

function PlainMenuLink({
  ref,
  ...props
}: NavLinkProps & ComponentProps<'a'> & { ref?: Ref<HTMLAnchorElement> }) {
  return <NavLink component="a" ref={ref} {...props} />;
}
const MenuLink = createLink(PlainMenuLink);

export function Shell() {
  const session = api.useQuery('get', '/api/v1/me', {}, { staleTime: 60_000 });
  const navigate = useNavigate();
  const location = useLocation();
  const nobody = session.data === undefined && problemOf(session.error).status === 401;
  // The address is already that of the sign-in while its page is on the way.
  const leaving = location.pathname === to.signIn().to;
  useEffect(() => {
    if (nobody && !leaving) void navigate({ ...to.signIn(location.href), replace: true });
  }, [nobody, leaving, navigate, location.href]);

  if (session.data === undefined) {
    return (
      <main style={{ padding: 24, maxWidth: 720, margin: '0 auto' }}>
        {session.error && !nobody ? (
          <ProblemView error={session.error} retry={() => void session.refetch()} />
        ) : (
          <Loading />
        )}
      </main>
    );
  }
  return <Frame name={session.data.member.name || session.data.member.email} />;
}

function Frame({ name }: { name: string }) {
  const [open, menu] = useDisclosure(false);
  const [palette, setPalette] = useState(false);
  const [keyList, setKeyList] = useState(false);
  const path = useLocation({ select: (location) => location.pathname });
  useKeys({ palette: () => setPalette(true), list: () => setKeyList(true) });
  const close = menu.close;
  useEffect(close, [path, close]);

  return (
    <AppShell
      header={{ height: 56 }}
      navbar={{ width: 216, breakpoint: 'sm', collapsed: { mobile: !open } }}
      padding="md"
    >
      <a className="cs-skip" href="#content">
        {t.shell.skip}
      </a>
      <AppShell.Header>
        <Group
          h="100%"
          px={{ base: 'xs', sm: 'md' }}
          gap="xs"
          wrap="nowrap"
          justify="space-between"
        >
          <Group gap={8} wrap="nowrap" miw={0}>
            <Burger
              opened={open}
              onClick={menu.toggle}
              hiddenFrom="sm"
              size="sm"
              aria-label={t.shell.menu}
            />
            <Text fw={700} component="span" className="cs-cut">
              {t.shell.product}
            </Text>
          </Group>
          <SearchButton onClick={() => setPalette(true)} />
          <Group gap={8} wrap="nowrap">
            <HealthDot />
            <Zone />
            <AccountMenu name={name} />
          </Group>
        </Group>
      </AppShell.Header>
      <AppShell.Navbar p="xs" aria-label={t.shell.menu}>
        <AppShell.Section grow style={{ overflowY: 'auto' }}>
          <Menu path={path} />
        </AppShell.Section>
      </AppShell.Navbar>
      <AppShell.Main id="content" tabIndex={-1}>
        <HealthBar />
        <Suspense fallback={<Loading />}>
          <Outlet />
        </Suspense>
      </AppShell.Main>
      {palette && (
        <Suspense fallback={null}>
          <Palette close={() => setPalette(false)} />
        </Suspense>
      )}
      {keyList && (
        <Suspense fallback={null}>
          <KeyList close={() => setKeyList(false)} />
        </Suspense>
      )}
      <Again />
    </AppShell>
  );
}

function Menu({ path }: { path: string }) {
  const may = useCan();
  const review = useToolsToReview().waiting.length;
  const mine = useApprovalsForMe();
  return MENU.map(({ group, pages }) => (
    <div key={group} style={{ marginBottom: 12 }}>
      <Text size="xs" c="dimmed" fw={600} px="sm" pb={4} tt="uppercase">
        {t.shell.groups[group]}
      </Text>
      {pages.map(({ page, link, icon: Icon, needs }) => {
        const permission = needs ? may(needs) : { allowed: true, reason: '' };
        const active = link.to === '/' ? path === '/' : path.startsWith(link.to);
        const waiting = page === 'tools' ? review : page === 'approvals' ? mine : 0;
        const about = page === 'tools' ? t.shell.toReview(review) : t.shell.forYou(mine);
        return (
          <MenuLink
            key={page}
            to={link.to}
            label={t.shell.pages[page]}
            leftSection={<Icon size={18} stroke={1.7} aria-hidden />}
            rightSection={
              waiting > 0 ? (
                <Text size="xs" fw={700} component="span" className="cs-badge" aria-label={about}>
                  {waiting}
                </Text>
              ) : undefined
            }
            active={active}
            variant="light"
            aria-current={active ? 'page' : undefined}
            c={permission.allowed ? undefined : 'dimmed'}
            description={permission.allowed ? undefined : permission.reason}
          />
        );
      })}
    </div>
  ));
}
