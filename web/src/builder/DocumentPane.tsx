// What holds for the whole document, and its sections beside the tools.
import { NativeSelect, Stack, Switch, Title } from '@mantine/core';
import { t } from '../text';
import { useDesk } from './context';
import { LinesField, TextField } from './fields';
import { REQUESTS } from './language';

const d = t.builder.doc;
const ANSWERS = [
  { value: 'deny', label: d.deny },
  { value: 'allow', label: d.allow },
];

export function DocumentPane() {
  const desk = useDesk();
  return (
    <Stack gap="sm" maw={560}>
      <Title order={2} size="h4">
        {t.builder.document}
      </Title>
      <NativeSelect
        size="xs"
        label={d.default}
        disabled={desk.readOnly}
        value={String(desk.value(['default']) ?? 'deny')}
        onChange={(event) => desk.set(['default'], event.currentTarget.value)}
        data={ANSWERS}
      />
      <TextField path={['description']} label={d.description} />
      <TextField path={['timezone']} label={d.timezone} description={d.timezoneHint} />
      <LinesField path={['hide']} label={d.hide} description={d.hideHint} />
      <Switch
        size="sm"
        label={d.hideDenied}
        disabled={desk.readOnly}
        checked={desk.value(['hide_denied']) === true}
        onChange={(event) =>
          desk.set(['hide_denied'], event.currentTarget.checked ? true : undefined)
        }
      />
    </Stack>
  );
}

export function SectionPane({ name }: { name: 'resources' | 'prompts' }) {
  const desk = useDesk();
  return (
    <Stack gap="sm" maw={560}>
      <Title order={2} size="h4">
        {t.builder[name]}
      </Title>
      <NativeSelect
        size="xs"
        label={d.section.default}
        disabled={desk.readOnly}
        value={String(desk.value([name, 'default']) ?? '')}
        onChange={(event) => desk.setText([name, 'default'], event.currentTarget.value)}
        data={[{ value: '', label: d.section.inherit }, ...ANSWERS]}
      />
      {(['allow', 'deny', 'hide'] as const).map((list) => (
        <LinesField
          key={list}
          path={[name, list]}
          label={d.section[list]}
          description={d.section.hint}
        />
      ))}
    </Stack>
  );
}

export function RequestsPane() {
  const desk = useDesk();
  return (
    <Stack gap="sm" maw={560}>
      <Title order={2} size="h4">
        {t.builder.requests}
      </Title>
      {REQUESTS.map((name) => (
        <NativeSelect
          key={name}
          size="xs"
          label={d.request[name]}
          disabled={desk.readOnly}
          value={String(desk.value(['client_requests', name]) ?? '')}
          onChange={(event) => desk.setText(['client_requests', name], event.currentTarget.value)}
          data={[{ value: '', label: d.section.inherit }, ...ANSWERS]}
        />
      ))}
    </Stack>
  );
}
