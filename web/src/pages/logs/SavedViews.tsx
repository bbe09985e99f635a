// Filters by name, kept in this browser. A view is an address, so any can be sent to a colleague.
import { Button, CloseButton, Group, TextInput } from '@mantine/core';
import { type FormEvent, useState } from 'react';
import { type LogFilter, to } from '../../app/links';
import { keep, kept } from '../../lib/settings';
import { views as v } from '../../text/account';
import { Go } from '../../ui/bits';
import { states } from '../../text/shell';

interface View {
  name: string;
  filter: LogFilter;
}
const KEY = 'log-views';
/** More than anybody finds again. */
const MOST = 20;

const read = (): View[] => {
  const list = kept<unknown>(KEY, []);
  if (!Array.isArray(list)) return [];
  return list.filter(
    (one): one is View =>
      typeof one === 'object' &&
      one !== null &&
      typeof (one as View).name === 'string' &&
      typeof (one as View).filter === 'object',
  );
};

export function SavedViews({ filter }: { filter: LogFilter }) {
  const [list, setList] = useState(read);
  const [naming, setNaming] = useState(false);
  const [name, setName] = useState('');
  const write = (next: View[]) => {
    setList(next);
    keep(KEY, next);
  };
  const send = (event: FormEvent) => {
    event.preventDefault();
    const named = name.trim();
    if (!named) return;
    write([...list.filter((one) => one.name !== named), { name: named, filter }].slice(-MOST));
    setNaming(false);
    setName('');
  };
  const narrowed = Object.keys(filter).length > 0;
  if (list.length === 0 && !narrowed) return null;
  return (
    <Group gap="sm" align="flex-end" role="group" aria-label={v.label}>
      {list.map((one) => (
        <Group key={one.name} gap={2} wrap="nowrap">
          <Go {...to.logs(one.filter)}>{one.name}</Go>
          <CloseButton
            size="sm"
            aria-label={v.remove(one.name)}
            onClick={() => write(list.filter((other) => other.name !== one.name))}
          />
        </Group>
      ))}
      {narrowed && !naming && (
        <Button size="xs" variant="default" onClick={() => setNaming(true)}>
          {v.save}
        </Button>
      )}
      {naming && (
        <form onSubmit={send}>
          <Group gap="xs" align="flex-end">
            <TextInput
              size="xs"
              label={v.name}
              description={v.nameHint}
              required
              maxLength={60}
              value={name}
              onChange={(event) => setName(event.currentTarget.value)}
            />
            <Button size="xs" type="submit">
              {states.save}
            </Button>
            <Button size="xs" variant="default" onClick={() => setNaming(false)}>
              {states.cancel}
            </Button>
          </Group>
        </form>
      )}
    </Group>
  );
}
