// Exactly what will be sent, field by field in the rule's order. Nothing of it is kept anywhere else.
import { Stack, Text, UnstyledButton } from '@mantine/core';
import type { Schemas } from '../../api/client';
import { LONG } from '../../lib/escapes';
import { formatDecimal, formatNumber } from '../../lib/format';
import { approvals } from '../../text/approvals';
import { Shown } from '../../ui/Shown';

const o = approvals.one;

type Field = Schemas['FieldOut'];

/** Text that the agent wrote in its own words, rather than an identifier or a number. */
export const isProse = (field: Field): boolean =>
  field.kind === 'string' && (field.escaped || field.characters > 40 || /\s/.test(field.value));

/** A value that can be repeated in one line: neither text in somebody's words nor a structure of it. */
export const isPlain = (field: Field): boolean =>
  !isProse(field) && field.kind !== 'object' && field.kind !== 'array' && field.characters <= 60;

/** The names of values that are too long to show at once. */
export const longOnes = (fields: Field[]): string[] =>
  fields.filter((field) => field.characters > LONG).map((field) => field.name);

interface Props {
  arguments: Schemas['Arguments'];
  unfolded: ReadonlySet<string>;
  unfold: (name: string) => void;
  fingerprint: string;
}

export function Exactly({ arguments: given, unfolded, unfold, fingerprint }: Props) {
  const all = [...given.fields, ...given.input_responses];
  return (
    <section className="cs-panel cs-exactly" aria-label={o.exactly}>
      <Text fw={600} component="h2" size="md" m={0} mb="xs">
        {o.exactly}
      </Text>
      {given.fields.length === 0 && <Text size="sm">{o.none}</Text>}
      <List fields={given.fields} unfolded={unfolded} unfold={unfold} />
      {given.input_responses.length > 0 && (
        <>
          <Text size="sm" fw={600} mt="sm">
            {o.answers}
          </Text>
          <List fields={given.input_responses} unfolded={unfolded} unfold={unfold} />
        </>
      )}
      {all.some((field) => field.escaped) && (
        <Text size="sm" fw={600} c="var(--cs-waiting)" mt="xs">
          {o.hasEscapes}
        </Text>
      )}
      <Fingerprint of={fingerprint} />
    </section>
  );
}

/** The same amount as people write it, where somebody has declared its unit. */
export function Money({ of: { amount } }: { of: Field }) {
  return amount ? o.money(formatDecimal(amount.value), amount.currency) : null;
}

/** The first and the last of the fingerprint to compare by eye; the whole of it on demand. */
export function Fingerprint({ of }: { of: string }) {
  return (
    <details className="cs-fingerprint">
      <summary>
        {o.fingerprint}{' '}
        <span className="cs-mono">
          {of.slice(0, 4)}·{of.slice(-4)}
        </span>
      </summary>
      <Text size="xs" className="cs-mono">
        {of}
      </Text>
      <Text size="xs" c="dimmed">
        {o.fingerprintAbout}
      </Text>
    </details>
  );
}

export function List({
  fields,
  unfolded,
  unfold,
}: {
  fields: Field[];
  unfolded: ReadonlySet<string>;
  unfold: (name: string) => void;
}) {
  return (
    <dl className="cs-fields">
      {fields.map((field) => (
        <div key={field.name} data-named={field.named_by_rule}>
          <dt>
            <bdi>
              <Shown text={field.name || '""'} />
            </bdi>
            {field.name_read && <small> {o.read(field.name_read)}</small>}
          </dt>
          <dd>
            <Value field={field} open={unfolded.has(field.name)} unfold={unfold} />
          </dd>
        </div>
      ))}
    </dl>
  );
}

function Value({
  field,
  open,
  unfold,
}: {
  field: Field;
  open: boolean;
  unfold: (name: string) => void;
}) {
  const long = field.characters > LONG;
  const text = long && !open ? `${field.value.slice(0, LONG)}…` : field.value;
  const prose = isProse(field);
  return (
    <Stack gap={2} className={prose ? 'cs-prose' : undefined}>
      {prose && (
        <Text size="xs" c="dimmed" component="span">
          {o.byAgent}
        </Text>
      )}
      <bdi className={field.kind === 'string' ? 'cs-value' : 'cs-value cs-mono'}>
        {field.kind === 'string' ? <>“{<Shown text={text} />}”</> : <Shown text={text} />}
        {field.amount ? (
          <strong>
            {' '}
            <Money of={field} />
          </strong>
        ) : (
          field.kind === 'number' &&
          field.named_by_rule && (
            <Text size="xs" c="dimmed" component="span">
              {' '}
              {o.unit}
            </Text>
          )
        )}
      </bdi>
      {(long || field.characters > 60) && (
        <Text size="xs" c="dimmed" component="span">
          {o.characters(field.characters).replace(/^\d+/, formatNumber(field.characters))}
        </Text>
      )}
      {long && !open && (
        <UnstyledButton
          className="cs-unfold"
          onClick={() => unfold(field.name)}
          aria-label={o.unfold(field.name)}
        >
          {o.folded}
        </UnstyledButton>
      )}
    </Stack>
  );
}
