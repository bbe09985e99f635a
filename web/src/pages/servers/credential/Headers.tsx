// A credential of fixed header values. They are held by the fields alone, and gone with them.
import { Button, Group, PasswordInput, Stack, Text, TextInput } from '@mantine/core';
import { type FormEvent, type ReactNode, useState } from 'react';
import { credentials as c } from '../../../text/credentials';

/** The most that a credential may have. */
const MOST = 16;

/** A token, which goes out as `Authorization: Bearer`. */
export function BearerForm({
  send,
  children,
}: {
  send: (body: { bearer: string }) => void;
  children: ReactNode;
}) {
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    send({ bearer: String(new FormData(event.currentTarget).get('value') ?? '') });
  };
  return (
    <form onSubmit={submit} autoComplete="off">
      <Stack gap="sm" maw={640}>
        <PasswordInput
          name="value"
          label={c.value}
          description={c.tokenHint}
          required
          autoComplete="off"
        />
        {children}
      </Stack>
    </form>
  );
}

interface Props {
  /** A body for the API, made at the moment it is sent. */
  send: (body: { headers: Record<string, string> }) => void;
  children: ReactNode;
}

export function HeadersForm({ send, children }: Props) {
  const [rows, setRows] = useState([0]);
  const [next, setNext] = useState(1);
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const given = new FormData(event.currentTarget);
    const headers: Record<string, string> = {};
    for (const row of rows)
      headers[String(given.get(`name-${row}`) ?? '').trim()] = String(
        given.get(`value-${row}`) ?? '',
      );
    send({ headers });
  };
  return (
    <form onSubmit={submit} autoComplete="off">
      <Stack gap="sm" maw={640}>
        {rows.map((row, at) => (
          <Group key={row} align="flex-end" gap="sm">
            <TextInput
              name={`name-${row}`}
              label={rows.length === 1 ? c.header : c.headerOf(at + 1)}
              placeholder="X-Api-Key"
              required
              autoComplete="off"
              style={{ flex: '1 1 180px' }}
            />
            <PasswordInput
              name={`value-${row}`}
              label={rows.length === 1 ? c.value : c.valueOf(at + 1)}
              required
              autoComplete="off"
              style={{ flex: '2 1 220px' }}
            />
            {rows.length > 1 && (
              <Button
                variant="default"
                aria-label={c.takeHeader(at + 1)}
                onClick={() => setRows(rows.filter((one) => one !== row))}
              >
                −
              </Button>
            )}
          </Group>
        ))}
        <Text size="sm" c="dimmed">
          {c.valueHint}
        </Text>
        {rows.length < MOST && (
          <Group>
            <Button
              size="xs"
              variant="default"
              onClick={() => {
                setRows([...rows, next]);
                setNext(next + 1);
              }}
            >
              {c.addHeader}
            </Button>
          </Group>
        )}
        {children}
      </Stack>
    </form>
  );
}
