// One rule: its conditions, its name, and what follows from it.
import { Stack, Text } from '@mantine/core';
import { t } from '../text';
import { Conditions } from './Conditions';
import type { Path } from './document';
import { LinesField, NumberField, TextField } from './fields';
import type { List } from './language';

const r = t.builder.rule;

export function RuleEditor({ path, list }: { path: Path; list: List }) {
  const at = (name: string) => [...path, name];
  return (
    <Stack gap="xs" mt="sm">
      <Text size="sm" fw={600}>
        {r.conditions}
      </Text>
      <Conditions path={at('conditions')} list={list} depth={0} />
      <Stack gap="xs" maw={560}>
        {list === 'approve_if' ? (
          <>
            <LinesField path={at('approvers')} label={r.approvers} description={r.approversHint} />
            <NumberField path={at('count')} label={r.count} />
            <TextField path={at('expires_in')} label={r.expires} description={r.expiresHint} />
            <TextField path={at('message')} label={r.message} />
          </>
        ) : (
          <TextField path={at('on_deny')} label={r.onDeny} />
        )}
        <TextField path={at('id')} label={r.id} description={r.idHint} />
      </Stack>
    </Stack>
  );
}
