// A refusal of the server, told to a person: what happened, what still works, what to do.
import { Alert, Anchor, Button, Code, Group, List, Stack, Text } from '@mantine/core';
import { IconAlertTriangle } from '@tabler/icons-react';
import { type Problem, problemOf } from '../api/client';
import { t } from '../text/core';

interface Props {
  error: unknown;
  retry?: () => void;
  /** Jumps to the field or line a fault names. */
  jump?: (pointer: string) => void;
}

/** The role that the person lacks, where it is the role alone that was refused. */
export const roleNeeded = (problem: Problem): string | undefined =>
  problem.code === 'forbidden' ? /needs the role (\w+)/.exec(problem.detail)?.[1] : undefined;

export function ProblemView({ error, retry, jump }: Props) {
  const problem = problemOf(error);
  const role = roleNeeded(problem);
  const title = role ? t.states.forbiddenTitle : problem.title;
  const server = problem.status === 0 || problem.status >= 500;
  return (
    <Alert
      role="alert"
      color={problem.status === 403 ? 'gray' : 'red'}
      variant="outline"
      icon={<IconAlertTriangle aria-hidden />}
      title={title}
    >
      <Stack gap="xs">
        <Text size="sm">{role ? t.states.forbidden(role) : problem.detail}</Text>
        {role && <Text size="sm">{t.states.askAdmin}</Text>}
        {(problem.errors ?? []).length > 0 && (
          <List size="sm">
            {(problem.errors ?? []).map((fault) => (
              <List.Item key={fault.pointer + fault.code + fault.message}>
                {jump ? (
                  <Anchor component="button" size="sm" onClick={() => jump(fault.pointer)}>
                    {fault.pointer || '/'}
                  </Anchor>
                ) : (
                  <Code>{fault.pointer || '/'}</Code>
                )}{' '}
                {fault.message}
                {fault.suggestion ? ` (${fault.suggestion})` : ''}
              </List.Item>
            ))}
          </List>
        )}
        {server && <Text size="sm">{t.states.stillWorks}</Text>}
        <Group gap="sm">
          {retry && (
            <Button size="xs" variant="default" onClick={retry}>
              {t.states.retry}
            </Button>
          )}
          {problem.request_id && (
            <Text size="xs" c="dimmed">
              {t.states.requestId} <span className="cs-mono">{problem.request_id}</span>
            </Text>
          )}
        </Group>
      </Stack>
    </Alert>
  );
}
