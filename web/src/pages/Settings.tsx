// A person's own account, settings of this browser, and what an admin sets up for everybody.
import { SegmentedControl, Stack, Switch, Table, Text, useMantineColorScheme } from '@mantine/core';
import { useState } from 'react';
import { api } from '../api/client';
import { SINGLE_KEYS } from '../app/keys';
import { to } from '../app/links';
import { showTimesInUtc, timesAreInUtc } from '../lib/format';
import { keep, kept } from '../lib/settings';
import { t } from '../text';
import { Asked } from '../ui/Asked';
import { Facts, Go } from '../ui/bits';
import { Page, Panel } from '../ui/Page';
import { ApprovalRules } from './settings/ApprovalRules';
import { Clock } from './settings/Clock';
import { Passkeys } from './settings/Passkeys';
import { Password } from './settings/Password';
import { Providers } from './settings/Providers';
import { Sessions } from './settings/Sessions';
import { account } from '../text/account';
import { channels } from '../text/channels';

const s = t.access.settings;

export function Settings() {
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const [single, setSingle] = useState(() => kept(SINGLE_KEYS, true));
  const [utc, setUtc] = useState(timesAreInUtc);
  const session = api.useQuery('get', '/api/v1/me', {});
  const can = api.useQuery('get', '/api/v1/permissions', {});
  return (
    <Page title={s.title}>
      <Panel title={s.account}>
        <Asked query={session}>
          {({ member, role, groups, key }) => (
            <>
              <Facts
                of={[
                  [s.email, member.email],
                  [s.role, t.can.role(role)],
                  [s.groups, groups.join(', ') || s.noGroups],
                ]}
              />
              {key && (
                <Text size="sm" mt="sm">
                  {account.withKey}
                </Text>
              )}
            </>
          )}
        </Asked>
      </Panel>
      {session.data?.session && (
        <>
          <Sessions />
          <div className="cs-columns">
            <Passkeys />
            <Password email={session.data.member.email} />
          </div>
        </>
      )}
      <Providers />
      <Clock />
      <ApprovalRules />
      <Panel title={channels.open}>
        <Text size="sm" mb="xs">
          {channels.openAbout}
        </Text>
        <Text size="sm">
          <Go {...to.channels()}>{channels.manage}</Go>
        </Text>
      </Panel>
      <Panel title={s.colours}>
        <SegmentedControl
          aria-label={s.colours}
          value={colorScheme}
          onChange={(value) => setColorScheme(value as typeof colorScheme)}
          data={(['auto', 'light', 'dark'] as const).map((value) => ({
            value,
            label: t.shell.scheme[value],
          }))}
        />
      </Panel>
      <Panel title={s.times}>
        <SegmentedControl
          aria-label={s.times}
          value={utc ? 'utc' : 'here'}
          onChange={(value) => {
            showTimesInUtc(value === 'utc');
            setUtc(value === 'utc');
          }}
          data={[
            { value: 'here', label: s.timesHere },
            { value: 'utc', label: 'UTC' },
          ]}
        />
      </Panel>
      <Panel title={s.keys}>
        <Switch
          label={s.keys}
          description={s.keysAbout}
          checked={single}
          onChange={(event) => {
            const on = event.currentTarget.checked;
            setSingle(on);
            keep(SINGLE_KEYS, on);
          }}
        />
      </Panel>
      <Panel title={s.may}>
        <Asked query={can}>
          {({ operations }) => (
            <Table.ScrollContainer minWidth={360} mah={420} type="native" tabIndex={0}>
              <Table aria-label={s.may}>
                <Table.Thead>
                  <Table.Tr>
                    {[s.operation, s.allowed, s.needs].map((name) => (
                      <Table.Th key={name}>{name}</Table.Th>
                    ))}
                  </Table.Tr>
                </Table.Thead>
                <Table.Tbody>
                  {Object.entries(operations).map(([name, { allowed, role }]) => (
                    <Table.Tr key={name}>
                      <Table.Td>{name.replaceAll('_', ' ')}</Table.Td>
                      <Table.Td>{allowed ? s.yes : s.no}</Table.Td>
                      <Table.Td>{t.can.role(role)}</Table.Td>
                    </Table.Tr>
                  ))}
                </Table.Tbody>
              </Table>
            </Table.ScrollContainer>
          )}
        </Asked>
      </Panel>
      <Panel title={s.instance}>
        <Stack gap={4}>
          <Text size="sm">
            <a href="/api/v1/openapi.json">{s.api}</a>
          </Text>
        </Stack>
      </Panel>
    </Page>
  );
}
