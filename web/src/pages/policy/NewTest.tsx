// A test made from a call of the log: its tool, its arguments by name, what was decided and by which rule.
// Values are not kept, so a person fills them in.
import { Button, Group, NativeSelect, Stack, Text, TextInput } from '@mantine/core';
import { useState } from 'react';
import { api, type Schemas } from '../../api/client';
import type { Permission } from '../../app/can';
import { to } from '../../app/links';
import { caseText, isLimit, jsonOf, type Outcome, outcomeOf, withCaseText } from '../../lib/cases';
import { fieldsOf } from '../../lib/fields';
import type { Call } from '../../lib/road';
import { t } from '../../text';
import { Asked } from '../../ui/Asked';
import { At, Go } from '../../ui/bits';
import { Guarded } from '../../ui/Guarded';
import { Panel } from '../../ui/Page';
import { kindOfCall, Word } from '../../ui/Word';
import { type Draft, listOf } from './draft';

const n = t.policies.newTest;

interface Props {
  call: string;
  policy: Schemas['PolicyWhole'];
  draft: Draft;
  may: Permission;
  close: () => void;
}

export function NewTest(props: Props) {
  const query = api.useQuery('get', '/api/v1/calls/{id}', {
    params: { path: { id: props.call } },
  });
  return (
    <Panel
      title={n.title}
      aside={
        <Button size="compact-sm" variant="default" onClick={props.close}>
          {t.states.close}
        </Button>
      }
    >
      <Asked query={query}>
        {(call) =>
          call.policy?.id === props.policy.id && call.tool ? (
            <Form {...props} call={call} tool={call.tool} />
          ) : (
            <Text size="sm">{n.other}</Text>
          )
        }
      </Asked>
    </Panel>
  );
}

const OUTCOMES: Outcome[] = ['allow', 'hold', 'deny'];
const isNumber = (text: string): boolean => /^\d+(\.\d+)?$/.test(text.trim());

function Form({
  call,
  tool,
  draft,
  may,
  close,
}: Omit<Props, 'call'> & { call: Call; tool: string }) {
  const was = outcomeOf(call);
  const [name, setName] = useState(n.named(tool, n.outcomes[was]));
  const [outcome, setOutcome] = useState<Outcome>(was);
  const [rule, setRule] = useState(was === 'allow' ? '' : call.rule);
  const [used, setUsed] = useState('');
  const [given, setGiven] = useState<Record<string, string>>({});
  const known = api.useQuery(
    'get',
    '/api/v1/servers/{id}/tools/{tool}',
    { params: { path: { id: call.server.id, tool } } },
    { retry: 0 },
  );
  const fields = fieldsOf(known.data?.accepted ?? known.data?.definition);
  const limit = isLimit(rule);
  const missing = call.known_args.some((arg) => (given[arg] ?? '') === '');
  const not =
    (missing && n.missing) ||
    (limit && !isNumber(used) && n.badUsed) ||
    (listOf(draft.cases) === undefined && t.policies.tests.broken);
  const add = () => {
    const typed = (arg: string) =>
      jsonOf(
        fields.find((field) => field.name === arg),
        given[arg] ?? '',
      );
    const added = caseText({
      ...{ name, tool, outcome, rule, used: used.trim(), known: call.known_args },
      values: Object.fromEntries(call.known_args.map((arg) => [arg, typed(arg)])),
      // Where a rule asks whose call it is, a test has to say so.
      grant: draft.text.includes('grant.')
        ? { label: call.grant.name, identity: call.identity }
        : undefined,
    });
    draft.setCases(withCaseText(draft.cases, added));
    close();
  };
  return (
    <Stack gap="sm">
      <Text size="sm" c="dimmed">
        {n.about}
      </Text>
      <Group gap="sm">
        <Go {...to.call(call.id)} aria-label={n.back}>
          {n.call}
        </Go>
        <At at={call.at} as="moment" />
        <Word kind={kindOfCall(call)} />
        <span className="cs-mono">{tool}</span>
      </Group>
      <TextInput
        label={n.name}
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
      />
      {call.known_args.length === 0 && <Text size="sm">{n.none}</Text>}
      {call.known_args.map((arg) => {
        const field = fields.find((one) => one.name === arg);
        const shared = {
          label: arg,
          description: [field?.type, field?.description].filter(Boolean).join(' · ') || n.value,
          value: given[arg] ?? '',
        };
        const take = (value: string) => setGiven({ ...given, [arg]: value });
        return field && field.choices.length > 0 ? (
          <NativeSelect
            key={arg}
            {...shared}
            data={['', ...field.choices.map(String)]}
            onChange={(event) => take(event.currentTarget.value)}
          />
        ) : (
          <TextInput key={arg} {...shared} onChange={(event) => take(event.currentTarget.value)} />
        );
      })}
      {call.unknown_args > 0 && <Text size="sm">{n.unknown(call.unknown_args)}</Text>}
      <Group grow align="flex-start">
        <NativeSelect
          label={n.outcome}
          data={OUTCOMES.map((value) => ({ value, label: n.outcomes[value] }))}
          value={outcome}
          onChange={(event) => setOutcome(event.currentTarget.value as Outcome)}
        />
        <TextInput
          label={n.rule}
          description={n.ruleHint}
          inputWrapperOrder={['label', 'input', 'description', 'error']}
          value={rule}
          classNames={{ input: 'cs-mono' }}
          onChange={(event) => setRule(event.currentTarget.value)}
        />
        {limit && (
          <TextInput
            label={n.used}
            description={n.usedHint}
            inputWrapperOrder={['label', 'input', 'description', 'error']}
            inputMode="decimal"
            value={used}
            onChange={(event) => setUsed(event.currentTarget.value)}
          />
        )}
      </Group>
      <Group>
        <Guarded may={may} not={not} onClick={add}>
          {n.add}
        </Guarded>
      </Group>
    </Stack>
  );
}
