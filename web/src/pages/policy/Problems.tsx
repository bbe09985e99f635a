// What is wrong with a draft, and what is probably not meant, each with a way to its place.
import { Anchor, List, Text } from '@mantine/core';
import { t } from '../../text';
import type { Parsed } from '../../builder/document';
import type { Checked } from './check';

const c = t.policies.check;

interface Props {
  checked: Checked;
  broken: Parsed['broken'];
  go: (pointer: string) => void;
}

export function Problems({ checked, broken, go }: Props) {
  const { problems, warnings, pending, error } = checked;
  const faults = [
    ...problems.map((fault) => ({ fault, kind: 'problem' as const })),
    ...warnings.map((fault) => ({ fault, kind: 'warning' as const })),
  ];
  return (
    <section className="cs-panel" aria-label={c.problems(problems.length)}>
      <Text
        size="sm"
        fw={600}
        role="status"
        c={problems.length > 0 || broken ? 'var(--cs-denied)' : undefined}
      >
        {pending ? c.checking : broken ? c.problems(1) : c.problems(problems.length)}
        {warnings.length > 0 && ` · ${c.warnings(warnings.length)}`}
      </Text>
      {error !== null && error !== undefined && <Text size="sm">{c.notChecked}</Text>}
      {faults.length > 0 && (
        <List size="sm" mt={4}>
          {faults.map(({ fault, kind }) => (
            <List.Item key={kind + fault.pointer + fault.code + fault.message} data-fault={kind}>
              <span className="cs-mono">{fault.pointer || '/'}</span>
              {fault.line ? ` (${fault.line}:${fault.column})` : ''}: {fault.message}
              {fault.suggestion ? ` (${fault.suggestion})` : ''}{' '}
              <Anchor component="button" size="sm" onClick={() => go(fault.pointer)}>
                {c.go}
              </Anchor>
            </List.Item>
          ))}
        </List>
      )}
    </section>
  );
}
