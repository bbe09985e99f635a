// Try a call: a form from the tool's schema, and the whole way to the decision. Nothing is sent.
import {
  Group,
  List,
  NativeSelect,
  SegmentedControl,
  Stack,
  Text,
  Textarea,
  TextInput,
} from '@mantine/core';
import { useState } from 'react';
import { api, type Schemas } from '../../api/client';
import { ALL } from '../../api/whole';
import { useCan } from '../../app/can';
import { to } from '../../app/links';
import { formatDecimal } from '../../lib/format';
import { fromField } from '../../lib/moment-field';
import type { Field } from '../../lib/fields';
import type { ServerTool } from '../../lib/tools';
import { t } from '../../text';
import { Facts, Go } from '../../ui/bits';
import { Guarded } from '../../ui/Guarded';
import { Panel } from '../../ui/Page';
import { ProblemView } from '../../ui/ProblemView';
import { kindOfOutcome, Word } from '../../ui/Word';

const s = t.policies.simulate;

interface Props {
  text: string;
  server: string | undefined;
  tools: ServerTool[];
  policy: Schemas['PolicyOut'];
}

/** What a field of the form holds, as the JSON it stands for; nothing for a field left out. */
export function valueOf(field: Field, text: string): unknown {
  if (text === '') return undefined;
  if (field.type === 'string') return text;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export function Try({ text, server, tools, policy }: Props) {
  const may = useCan();
  const [name, setName] = useState('');
  const [view, setView] = useState('form');
  const [given, setGiven] = useState<Record<string, string>>({});
  const [raw, setRaw] = useState('{}');
  const [time, setTime] = useState('');
  const [against, setAgainst] = useState('');
  const [bad, setBad] = useState(false);
  const grants = api.useQuery('get', '/api/v1/grants', ALL);
  const using = (grants.data?.items ?? []).filter((grant) =>
    grant.servers.some((reach) => reach.policy?.id === policy.id),
  );
  const tool = tools.find((one) => one.name === (name || tools[0]?.name));
  const fields = (tool?.fields ?? []).filter((field) =>
    /^args(\.[^.[]+|\["[^"]*"\])$/.test(field.path),
  );
  const form = view === 'form' && fields.length > 0;
  const judge = api.useMutation('post', '/api/v1/policies/simulate');

  const send = () => {
    let args: unknown;
    if (form) {
      const pairs = fields.map((field) => [field.name, valueOf(field, given[field.name] ?? '')]);
      args = Object.fromEntries(pairs.filter(([, value]) => value !== undefined));
    } else {
      try {
        args = JSON.parse(raw);
      } catch {
        args = undefined;
      }
    }
    setBad(!isObject(args));
    if (!isObject(args)) return;
    judge.mutate({
      body: {
        ...(against ? { grant: against } : { text }),
        server: server ?? null,
        call: { name: tool?.name ?? name, arguments: args as never },
        time: fromField(time) ?? null,
      },
    });
  };

  return (
    <div className="cs-columns">
      <Panel title={s.title}>
        <Stack gap="sm">
          <Text size="sm" c="dimmed">
            {s.about}
          </Text>
          {tools.length > 0 ? (
            <NativeSelect
              label={s.tool}
              data={tools.map((one) => one.name)}
              value={tool?.name ?? ''}
              onChange={(event) => setName(event.currentTarget.value)}
            />
          ) : (
            <TextInput
              label={s.tool}
              value={name}
              onChange={(event) => setName(event.currentTarget.value)}
            />
          )}
          {fields.length > 0 && (
            <SegmentedControl
              aria-label={s.arguments}
              value={view}
              onChange={setView}
              data={[
                { value: 'form', label: s.form },
                { value: 'json', label: s.json },
              ]}
            />
          )}
          {form ? (
            fields.map((field) => {
              const shared = {
                label: field.required ? s.needed(field.name) : field.name,
                description: [field.type, field.description].filter(Boolean).join(' · '),
                value: given[field.name] ?? '',
              };
              const take = (value: string) => setGiven({ ...given, [field.name]: value });
              return field.choices.length > 0 ? (
                <NativeSelect
                  key={field.path}
                  {...shared}
                  data={[{ value: '', label: s.omit }, ...field.choices.map(String)]}
                  onChange={(event) => take(event.currentTarget.value)}
                />
              ) : (
                <TextInput
                  key={field.path}
                  {...shared}
                  onChange={(event) => take(event.currentTarget.value)}
                />
              );
            })
          ) : (
            <Textarea
              label={s.argumentsJson}
              autosize
              minRows={4}
              value={raw}
              onChange={(event) => setRaw(event.currentTarget.value)}
              classNames={{ input: 'cs-mono' }}
              error={bad && s.badJson}
            />
          )}
          <Group grow align="flex-end">
            <NativeSelect
              label={s.against}
              data={[
                { value: '', label: s.draft },
                ...using.map((grant) => ({ value: grant.id, label: s.grant(grant.label) })),
              ]}
              value={against}
              onChange={(event) => setAgainst(event.currentTarget.value)}
            />
            <TextInput
              label={s.time}
              description={s.timeHint}
              type="datetime-local"
              value={time}
              onChange={(event) => setTime(event.currentTarget.value)}
            />
          </Group>
          <Group>
            <Guarded may={may('policies_simulate')} loading={judge.isPending} onClick={send}>
              {s.go}
            </Guarded>
          </Group>
        </Stack>
      </Panel>
      <div role="status">
        {judge.error && <ProblemView error={judge.error} />}
        {judge.data && <Answer of={judge.data} policy={policy.name} draft={!against} />}
      </div>
    </div>
  );
}

interface TraceCondition {
  condition: string;
  truth: keyof typeof s.truth;
  why?: string;
  conditions?: TraceCondition[];
}
interface Trace {
  rules?: {
    list: string;
    rule: string;
    fires: boolean;
    truth?: keyof typeof s.truth;
    conditions?: TraceCondition[];
  }[];
}

function Answer({
  of,
  policy,
  draft,
}: {
  of: Schemas['SimulateOut'];
  policy: string;
  draft: boolean;
}) {
  const trace = of.trace as Trace | null;
  return (
    <Panel title={s.answer}>
      <Stack gap="sm">
        <Text size="lg">
          <Word kind={kindOfOutcome(of.outcome)} />
        </Text>
        <Facts
          of={[
            [
              s.rule,
              of.rule === '' ? (
                s.noRule
              ) : draft && of.rule.startsWith('/') ? (
                <Go {...to.policy(policy, 'json', of.rule)} className="cs-mono">
                  {of.rule}
                </Go>
              ) : (
                <span className="cs-mono">{of.rule}</span>
              ),
            ],
            ...(of.message ? [[s.said, of.message] as [string, string]] : []),
            ...of.charges.map((charge): [string, string] => [
              s.charges,
              s.charge(formatDecimal(charge.amount), charge.counter, formatDecimal(charge.max)),
            ]),
            ...of.approvals.map((needed): [string, string] => [
              s.approvals,
              s.approval(needed.count, needed.approvers.join(', ')),
            ]),
          ]}
        />
        {trace?.rules && trace.rules.length > 0 && (
          <div>
            <Text fw={600} size="sm">
              {s.road}
            </Text>
            <ol style={{ margin: 0, paddingLeft: 20 }}>
              {trace.rules.map((rule) => (
                <li key={rule.list + rule.rule}>
                  <span className="cs-mono">{rule.rule}</span>{' '}
                  <Text span size="sm" fw={rule.fires ? 700 : 400}>
                    {rule.fires ? s.fires : s.quiet}
                  </Text>
                  <Conditions of={rule.conditions ?? []} />
                </li>
              ))}
            </ol>
          </div>
        )}
        {(of.outcome === 'allow' || of.outcome === 'hold') && (
          <div>
            <Text fw={600} size="sm">
              {t.servers.connect.stops}
            </Text>
            <Text size="sm">{t.servers.connect.stopsAbout}</Text>
            <List size="sm">
              {t.servers.connect.stopped.map((name) => (
                <List.Item key={name}>{name}</List.Item>
              ))}
            </List>
          </div>
        )}
        {of.notes.length > 0 && (
          <div>
            <Text fw={600} size="sm">
              {s.notes}
            </Text>
            {of.notes.map((note) => (
              <Text key={note} size="sm">
                {note}
              </Text>
            ))}
          </div>
        )}
      </Stack>
    </Panel>
  );
}

function Conditions({ of }: { of: TraceCondition[] }) {
  if (of.length === 0) return null;
  return (
    <ul style={{ margin: 0, paddingLeft: 18 }}>
      {of.map((condition, at) => (
        <li key={at}>
          <span className="cs-mono">{condition.condition}</span>:{' '}
          {s.truth[condition.truth] ?? condition.truth}
          {condition.why ? ` (${condition.why.replaceAll('_', ' ')})` : ''}
          <Conditions of={condition.conditions ?? []} />
        </li>
      ))}
    </ul>
  );
}
