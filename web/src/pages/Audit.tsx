// What people changed, how others can check that nothing is missing, and who was turned away.
import { Tabs } from '@mantine/core';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { to } from '../app/links';
import { audit as a } from '../text/audit';
import { Page } from '../ui/Page';
import { Changes } from './audit/Changes';
import { Evidence } from './audit/Evidence';
import { Refusals } from './audit/Refusals';

const VIEWS = ['changes', 'evidence', 'refusals'] as const;

export function Audit() {
  const search = useSearch({ from: '/inside/audit' });
  const navigate = useNavigate();
  const view = VIEWS.find((known) => known === search.view) ?? 'changes';
  return (
    <Page title={a.title} about={a.about}>
      <Tabs
        value={view}
        keepMounted={false}
        onChange={(next) =>
          void navigate(to.audit(next && next !== 'changes' ? { view: next } : {}))
        }
      >
        <Tabs.List mb="md">
          {VIEWS.map((name) => (
            <Tabs.Tab key={name} value={name}>
              {a.tabs[name]}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <Tabs.Panel value="changes">
          <Changes filter={search} set={(filter) => void navigate(to.audit(filter))} />
        </Tabs.Panel>
        <Tabs.Panel value="evidence">
          <Evidence />
        </Tabs.Panel>
        <Tabs.Panel value="refusals">
          <Refusals />
        </Tabs.Panel>
      </Tabs>
    </Page>
  );
}
