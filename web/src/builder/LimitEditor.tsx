// One limit, field by field.
import { NativeSelect, Stack, Switch } from '@mantine/core';
import { t } from '../text';
import { useDesk } from './context';
import type { Path } from './document';
import { LinesField, NumberField, TextField } from './fields';
import { CALENDAR, SCOPES } from './language';

const l = t.builder.limit;

export function LimitEditor({ path }: { path: Path }) {
  const desk = useDesk();
  const at = (name: string) => [...path, name];
  const calendar = CALENDAR.some((unit) => unit === desk.value(at('window')));
  const places = desk.fields.filter((field) => field.type === 'number' || field.type === 'integer');
  const amount = desk.value(at('amount'));
  return (
    <Stack gap="xs" mt="sm" maw={560}>
      <TextField path={at('counter')} label={l.counter} required />
      <TextField path={at('window')} label={l.window} description={l.windowHint} required />
      <NumberField path={at('max')} label={l.max} required />
      <NativeSelect
        size="xs"
        label={l.amount}
        disabled={desk.readOnly}
        value={typeof amount === 'string' ? amount : ''}
        onChange={(event) => desk.setText(at('amount'), event.currentTarget.value)}
        data={[
          { value: '', label: l.amountCalls },
          ...new Set([
            ...places.map((field) => field.path),
            ...(typeof amount === 'string' ? [amount] : []),
          ]),
        ]}
      />
      {typeof amount === 'string' && (
        <TextField path={at('amount')} label={l.amountPath} required />
      )}
      {amount === undefined && places.length === 0 && (
        <TextField path={at('amount')} label={l.amountPath} />
      )}
      <LinesField path={at('per')} label={l.per} description={l.perHint} />
      <NativeSelect
        size="xs"
        label={l.scope}
        disabled={desk.readOnly}
        value={String(desk.value(at('scope')) ?? 'grant')}
        onChange={(event) => {
          const scope = event.currentTarget.value;
          desk.set(at('scope'), scope === 'grant' ? undefined : scope);
        }}
        data={SCOPES.map((value) => ({ value, label: l.scopes[value] }))}
      />
      <NativeSelect
        size="xs"
        label={l.onUnknown}
        disabled={desk.readOnly}
        value={String(desk.value(at('on_unknown')) ?? '')}
        onChange={(event) => desk.setText(at('on_unknown'), event.currentTarget.value)}
        data={Object.entries(l.unknowns).map(([value, label]) => ({ value, label }))}
      />
      {calendar && (
        <Switch
          size="sm"
          label={l.rolling}
          disabled={desk.readOnly}
          checked={desk.value(at('rolling')) === true}
          onChange={(event) =>
            desk.set(at('rolling'), event.currentTarget.checked ? true : undefined)
          }
        />
      )}
      <Switch
        size="sm"
        label={l.countFailed}
        disabled={desk.readOnly}
        checked={desk.value(at('count_failed')) === true}
        onChange={(event) =>
          desk.set(at('count_failed'), event.currentTarget.checked ? true : undefined)
        }
      />
      <TextField path={at('on_deny')} label={l.onDeny} />
    </Stack>
  );
}
