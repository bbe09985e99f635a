// Decisions by the hour, of all servers or of one; which, stands in the address.
import { Button, Group, NativeSelect, Table } from '@mantine/core';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { useState } from 'react';
import { api } from '../../api/client';
import { ALL } from '../../api/whole';
import { to } from '../../app/links';
import { countOf, hourOf, PARTS, type Sum } from '../../lib/counts';
import { formatNumber } from '../../lib/format';
import { t } from '../../text';
import { Asked } from '../../ui/Asked';
import { At, Go } from '../../ui/bits';
import { Panel } from '../../ui/Page';
import { HourChart } from './HourChart';

const o = t.overview;
const WEEK = 168;
/** How often what the calls add up to is asked for again. */
export const AGAIN = { refetchInterval: 15_000 };

export function Decisions() {
  const { server, span } = useSearch({ from: '/inside/' });
  const navigate = useNavigate();
  const [table, setTable] = useState(false);
  const servers = api.useQuery('get', '/api/v1/servers', ALL);
  const hours = span === 'week' ? { hours: WEEK } : {};
  const query = api.useQuery(
    'get',
    '/api/v1/calls/summary',
    { params: { query: { ...hours, ...(server ? { server } : {}) } } },
    AGAIN,
  );
  const slugs = (servers.data?.items ?? []).map(({ slug }) => slug);
  // An address may name a server that is gone; the choice says what is asked for all the same.
  const names = server && !slugs.includes(server) ? [server, ...slugs] : slugs;
  return (
    <Panel
      title={o.perHour}
      aside={
        <Group gap="xs">
          <NativeSelect
            size="xs"
            aria-label={o.span}
            data={[
              { value: '', label: o.spans.day },
              { value: 'week', label: o.spans.week },
            ]}
            value={span ?? ''}
            onChange={(event) =>
              void navigate(to.overview({ server, span: event.currentTarget.value || undefined }))
            }
          />
          <NativeSelect
            size="xs"
            aria-label={o.server}
            data={[
              { value: '', label: o.allServers },
              ...names.map((slug) => ({ value: slug, label: o.ofServer(slug) })),
            ]}
            value={server ?? ''}
            onChange={(event) =>
              void navigate(to.overview({ span, server: event.currentTarget.value || undefined }))
            }
          />
          <Button size="compact-sm" variant="default" onClick={() => setTable(!table)}>
            {table ? o.asChart : o.asTable}
          </Button>
        </Group>
      }
    >
      <Asked query={query} lines={5}>
        {({ all, hours }) =>
          table ? (
            <HourTable hours={hours} server={server} />
          ) : (
            <HourChart all={all} hours={hours} server={server} />
          )
        }
      </Asked>
    </Panel>
  );
}

function HourTable({ hours, server }: { hours: Sum[]; server: string | undefined }) {
  return (
    <Table.ScrollContainer minWidth={360} mah={320} type="native" tabIndex={0}>
      <Table aria-label={o.perHour}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{o.hour}</Table.Th>
            {PARTS.map((kind) => (
              <Table.Th key={kind}>{t.words[kind]}</Table.Th>
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {hours.map((hour) => (
            <Table.Tr key={hour.at}>
              <Table.Td>
                <Go {...to.logs({ ...hourOf(hour), server })}>
                  <At at={hour.at} />
                </Go>
              </Table.Td>
              {PARTS.map((part) => (
                <Table.Td key={part}>{formatNumber(countOf(hour, part))}</Table.Td>
              ))}
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}
