// Which arguments of a tool are amounts in minor units: said by an admin, so that approvers read money and
// not a bare number. Nothing is judged by it.
import { Alert, Button, Group, NativeSelect, Stack, Text, TextInput } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api, type Schemas } from '../../api/client';
import { useCan } from '../../app/can';
import type { Field } from '../../lib/fields';
import { t } from '../../text';
import { Guarded } from '../../ui/Guarded';
import { ProblemView } from '../../ui/ProblemView';

const a = t.servers.amounts;

interface Props {
  slug: string;
  tool: Schemas['ToolWhole'];
  /** Of the definition as it is now. */
  fields: Field[];
}

/** The arguments at the top, of types that fit or of none. */
const ofTypes = (fields: Field[], ...types: string[]): string[] =>
  fields
    .filter(({ path, type }) => /^args(\.[^.[]+|\["[^"]*"\])$/.test(path) && fits(type, types))
    .map(({ name }) => name);

const fits = (type: string | undefined, types: string[]): boolean =>
  type === undefined || types.includes(type);

export function Amounts({ slug, tool, fields }: Props) {
  const may = useCan();
  const queries = useQueryClient();
  const [editing, setEditing] = useState(false);
  const declared = tool.amounts;
  const accepted = tool.state === 'accepted';
  const numbers = ofTypes(fields, 'integer', 'number', 'string');
  const set = api.useMutation('put', '/api/v1/servers/{id}/tools/{tool}/amounts', {
    onSuccess: () => {
      setEditing(false);
      void queries.invalidateQueries({ queryKey: ['get'] });
    },
  });
  const save = (amounts: Schemas['ToolAmount'][]) =>
    set.mutate({
      params: { path: { id: slug, tool: tool.name } },
      body: { fingerprint: tool.fingerprint, amounts },
    });
  if (numbers.length === 0 && !declared) return null;
  return (
    <section aria-label={a.title}>
      <Text fw={600} size="sm" component="h3" m={0}>
        {a.title}
      </Text>
      <Text size="sm" c="dimmed">
        {a.about}
      </Text>
      <Stack gap="xs" mt="xs">
        {declared ? (
          <ul style={{ margin: 0, paddingLeft: 18 }}>
            {declared.amounts.map((amount) => (
              <li key={amount.argument}>
                <Text size="sm" component="span">
                  <span className="cs-mono">{amount.argument}</span>{' '}
                  {amount.currency
                    ? a.fixed(amount.currency)
                    : a.from(amount.currency_argument ?? '')}
                </Text>
              </li>
            ))}
          </ul>
        ) : (
          <Text size="sm">{a.none}</Text>
        )}
        {declared && !declared.holds && (
          <Alert color="yellow" variant="outline">
            {a.void}
          </Alert>
        )}
        {editing ? (
          <Form
            begin={declared?.amounts ?? []}
            numbers={numbers}
            texts={ofTypes(fields, 'string')}
            pending={set.isPending}
            save={save}
            close={() => {
              set.reset();
              setEditing(false);
            }}
          />
        ) : (
          <Group>
            <Guarded
              size="xs"
              variant="default"
              may={may('tools_amounts')}
              not={!accepted && a.notAccepted}
              onClick={() => setEditing(true)}
            >
              {declared ? (declared.holds ? a.change : a.again) : a.declare}
            </Guarded>
          </Group>
        )}
        {set.error && <ProblemView error={set.error} />}
      </Stack>
    </section>
  );
}

/** One argument while it is filled in; an empty choice of the currency's argument means a fixed one. */
interface Row {
  argument: string;
  from: string;
  code: string;
}

interface FormProps {
  begin: Schemas['ToolAmount'][];
  numbers: string[];
  texts: string[];
  pending: boolean;
  save: (amounts: Schemas['ToolAmount'][]) => void;
  close: () => void;
}

function Form({ begin, numbers, texts, pending, save, close }: FormProps) {
  const may = useCan();
  const likely = texts.find((name) => /curr/i.test(name)) ?? '';
  const fresh = (argument: string): Row => ({ argument, from: likely, code: '' });
  const first = numbers.find((name) => /amount|value|price|total/i.test(name)) ?? numbers[0] ?? '';
  const [rows, setRows] = useState<Row[]>(
    begin.length > 0
      ? begin.map((one) => ({
          argument: one.argument,
          from: one.currency_argument ?? '',
          code: one.currency ?? '',
        }))
      : [fresh(first)],
  );
  const change = (at: number, next: Partial<Row>) =>
    setRows(rows.map((row, place) => (place === at ? { ...row, ...next } : row)));
  const free = numbers.filter((name) => !rows.some((row) => row.argument === name));
  const unsaid = rows.some((row) => row.from === '' && !/^[A-Za-z]{3}$/.test(row.code));
  return (
    <Stack gap="sm">
      {rows.map((row, at) => (
        <Group key={at} align="flex-end" gap="sm">
          <NativeSelect
            label={a.argument}
            data={[...new Set([row.argument, ...free])]}
            value={row.argument}
            onChange={(event) => change(at, { argument: event.currentTarget.value })}
          />
          <NativeSelect
            label={a.currency}
            data={[
              { value: '', label: a.always },
              ...texts
                .filter((name) => name !== row.argument)
                .map((name) => ({ value: name, label: a.in(name) })),
            ]}
            value={row.from}
            onChange={(event) => change(at, { from: event.currentTarget.value })}
          />
          {row.from === '' && (
            <TextInput
              label={a.code}
              placeholder="USD"
              maxLength={3}
              w={90}
              value={row.code}
              onChange={(event) => change(at, { code: event.currentTarget.value })}
            />
          )}
          <Button
            variant="default"
            aria-label={a.removeOne(row.argument)}
            onClick={() => setRows(rows.filter((_, place) => place !== at))}
          >
            {a.remove}
          </Button>
        </Group>
      ))}
      {rows.length === 0 && <Text size="sm">{a.withdraw}</Text>}
      <Text size="sm" c="dimmed">
        {a.example}
      </Text>
      <Group gap="sm">
        <Guarded
          may={may('tools_amounts')}
          not={unsaid && a.unsaid}
          loading={pending}
          onClick={() =>
            save(
              rows.map(({ argument, from, code }) =>
                from === ''
                  ? { argument, currency: code.toUpperCase() }
                  : { argument, currency_argument: from },
              ),
            )
          }
        >
          {t.states.save}
        </Guarded>
        {free.length > 0 && (
          <Button variant="default" onClick={() => setRows([...rows, fresh(free[0] ?? '')])}>
            {a.another}
          </Button>
        )}
        <Button variant="default" onClick={close}>
          {t.states.cancel}
        </Button>
      </Group>
    </Stack>
  );
}
