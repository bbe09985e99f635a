// All grants, as a list or as a matrix of what each may do.
import { Checkbox, Group, Modal, SegmentedControl, Table } from '@mantine/core';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { useState } from 'react';
import { api, type Schemas } from '../api/client';
import { ALL } from '../api/whole';
import { useCan } from '../app/can';
import { to } from '../app/links';
import { useNew } from '../app/opened';
import { t } from '../text';
import { Asked, Empty } from '../ui/Asked';
import { At, Go } from '../ui/bits';
import { Guarded } from '../ui/Guarded';
import { Page } from '../ui/Page';
import { GrantForm } from './grants/GrantForm';
import { Judged } from './grants/Judged';
import { Matrix } from './grants/Matrix';
import { TokenOnce } from './grants/TokenOnce';

export const stateOf = (grant: Schemas['GrantOut']): keyof typeof t.grants.state =>
  grant.state === 'active' && grant.expired
    ? 'expired'
    : (grant.state as keyof typeof t.grants.state);

export function Grants() {
  const search = useSearch({ from: '/inside/grants' });
  const navigate = useNavigate();
  const may = useCan();
  const [form, setForm] = useNew(may('grants_issue'));
  const [made, setMade] = useState<Schemas['GrantMade']>();
  const query = api.useQuery('get', '/api/v1/grants', ALL);
  const all = search.state === 'all';
  const create = (
    <Guarded may={may('grants_issue')} onClick={setForm.open}>
      {t.grants.create}
    </Guarded>
  );
  return (
    <Page title={t.grants.title} about={t.grants.about} actions={create}>
      {made && (
        <TokenOnce
          made={made}
          title={t.grants.token.ready(made.grant.label)}
          done={() => {
            const id = made.grant.id;
            setMade(undefined);
            void navigate(to.grant(id));
          }}
        />
      )}
      <Group justify="space-between">
        <SegmentedControl
          value={search.view === 'matrix' ? 'matrix' : 'list'}
          onChange={(view) => void navigate(view === 'matrix' ? to.matrix() : to.grants())}
          data={[
            { value: 'list', label: t.grants.list },
            { value: 'matrix', label: t.grants.matrix },
          ]}
          aria-label={t.grants.title}
        />
        <Checkbox
          label={t.grants.showRevoked}
          checked={all}
          onChange={(event) =>
            void navigate({
              to: '/grants',
              search: { ...search, state: event.currentTarget.checked ? 'all' : undefined },
            })
          }
        />
      </Group>
      <Asked query={query}>
        {({ items }) => {
          const shown = items.filter((grant) => all || grant.state !== 'revoked');
          if (shown.length === 0) {
            return (
              <Empty title={t.grants.emptyTitle} text={t.grants.empty}>
                {create}
              </Empty>
            );
          }
          return search.view === 'matrix' ? <Matrix grants={shown} /> : <List grants={shown} />;
        }}
      </Asked>
      <Modal
        opened={form}
        onClose={setForm.close}
        title={t.grants.form.title}
        size="lg"
        closeButtonProps={{ 'aria-label': t.states.close }}
      >
        <GrantForm
          done={(answer) => {
            setForm.close();
            setMade(answer);
          }}
        />
      </Modal>
    </Page>
  );
}

function List({ grants }: { grants: Schemas['GrantOut'][] }) {
  const c = t.grants.columns;
  return (
    <Table.ScrollContainer minWidth={640} type="native" className="cs-panel" tabIndex={0}>
      <Table aria-label={t.grants.title}>
        <Table.Thead>
          <Table.Tr>
            {[c.label, c.state, c.servers, c.identity, c.last, c.ends].map((name) => (
              <Table.Th key={name}>{name}</Table.Th>
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {grants.map((grant) => (
            <Table.Tr key={grant.id}>
              <Table.Td>
                <Go {...to.grant(grant.id)}>{grant.label}</Go>
              </Table.Td>
              <Table.Td>{t.grants.state[stateOf(grant)]}</Table.Td>
              <Table.Td>
                {grant.servers.map((reach) => (
                  <div key={reach.server.id}>
                    {reach.server.name} · <Judged by={reach.policy} />
                  </div>
                ))}
              </Table.Td>
              <Table.Td>{grant.identity}</Table.Td>
              <Table.Td>
                {grant.last_call_at ? <At at={grant.last_call_at} as="distance" /> : t.grants.never}
              </Table.Td>
              <Table.Td>
                {grant.expires_at ? <At at={grant.expires_at} as="distance" /> : t.grants.never}
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}
