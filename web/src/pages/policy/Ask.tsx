// A question to the draft: can such a call pass? No, or yes with a call that does.
import { Button, Group, Stack, Text, TextInput } from '@mantine/core';
import { useState } from 'react';
import { api, type Schemas } from '../../api/client';
import { useCan } from '../../app/can';
import type { ServerTool } from '../../lib/tools';
import { t } from '../../text';
import { Guarded } from '../../ui/Guarded';
import { Panel } from '../../ui/Page';
import { ProblemView } from '../../ui/ProblemView';
import { kindOfOutcome, Word } from '../../ui/Word';
import { Example, type Witness } from './Changes';

const a = t.policies.ask;

interface Props {
  text: string;
  server: string | undefined;
  tools: ServerTool[];
}

/** Questions worth asking, made of the tool's own fields. */
export function suggestions(tools: ServerTool[], text: string): string[] {
  // Those that the draft names go first.
  const named = (tool: ServerTool) => Number(text.includes(JSON.stringify(tool.name)));
  const sorted = [...tools].sort((a, b) => named(b) - named(a));
  const amount = sorted.find((tool) => tool.fields.some((field) => field.path === 'args.amount'));
  const any = sorted[0]?.name ?? 'anything';
  return amount
    ? [
        `can ${amount.name} pass without approval when amount > 500?`,
        `can ${amount.name} pass when amount is missing?`,
        `can anything be held?`,
      ]
    : [`can ${any} pass without approval?`, 'can anything be held?'];
}

export function Ask({ text, server, tools }: Props) {
  const may = useCan();
  const [question, setQuestion] = useState('');
  const ask = api.useMutation('post', '/api/v1/policies/ask');
  const send = (words: string) => {
    setQuestion(words);
    ask.mutate({ body: { text, server: server ?? null, question: words } });
  };
  const go = () => {
    if (question.trim()) send(question.trim());
  };
  return (
    <div className="cs-columns">
      <Panel title={a.title}>
        <form
          onSubmit={(event) => {
            event.preventDefault();
            go();
          }}
        >
          <Stack gap="sm">
            <Text size="sm" c="dimmed">
              {a.about}
            </Text>
            <TextInput
              label={a.label}
              description={a.shape}
              value={question}
              onChange={(event) => setQuestion(event.currentTarget.value)}
              autoComplete="off"
              spellCheck={false}
            />
            <Group>
              <Guarded may={may('policies_ask')} loading={ask.isPending} onClick={go}>
                {a.go}
              </Guarded>
            </Group>
            {may('policies_ask').allowed && (
              <Stack gap={4} align="flex-start">
                <Text size="sm">{a.such}</Text>
                {suggestions(tools, text).map((words) => (
                  <Button
                    key={words}
                    size="compact-sm"
                    variant="default"
                    onClick={() => send(words)}
                    styles={{
                      root: { height: 'auto', paddingBlock: 4 },
                      label: {
                        whiteSpace: 'normal',
                        textAlign: 'left',
                        lineHeight: 1.35,
                        height: 'auto',
                        overflow: 'visible',
                      },
                    }}
                  >
                    {words}
                  </Button>
                ))}
              </Stack>
            )}
          </Stack>
        </form>
      </Panel>
      <div role="status">
        {ask.error && <ProblemView error={ask.error} />}
        {ask.data && <Answer of={ask.data} />}
      </div>
    </div>
  );
}

function Answer({ of }: { of: Schemas['AskOut'] }) {
  const witness = of.witness as Witness | null;
  const title = of.answer === 'yes' ? a.yes : of.answer === 'no' ? a.no : a.notKnown;
  return (
    <Panel title={title}>
      <Stack gap="xs">
        <Text size="sm">
          {of.answer === 'no' ? a.noText : of.answer === 'yes' ? a.yesText : of.reason}
        </Text>
        {of.decided && (
          <Text size="sm">
            <Word kind={kindOfOutcome(of.decided.outcome)} />{' '}
            <span className="cs-mono">{of.decided.rule || t.policies.simulate.noRule}</span>
          </Text>
        )}
        {witness && (
          <>
            <Text size="sm" fw={600} className="cs-mono">
              {witness.name}
            </Text>
            <Example of={witness} />
          </>
        )}
      </Stack>
    </Panel>
  );
}
