// Fields of the builder that write to the document: texts, numbers with every digit, lists of lines.
import { Textarea, TextInput } from '@mantine/core';
import { useState } from 'react';
import { useDesk } from './context';
import type { Path } from './document';

interface Props {
  path: Path;
  label: string;
  description?: string;
  required?: boolean;
}

/** A text; an empty one takes the member away, unless it is required. */
export function TextField({ path, label, description, required }: Props) {
  const desk = useDesk();
  const value = desk.value(path);
  return (
    <TextInput
      size="xs"
      label={label}
      description={description}
      required={required ?? false}
      readOnly={desk.readOnly}
      value={typeof value === 'string' ? value : ''}
      onChange={(event) => {
        const text = event.currentTarget.value;
        if (required) desk.set(path, text);
        else desk.setText(path, text);
      }}
    />
  );
}

const NUMBER = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/;

/** A number as its digits are written: none is lost on the way through a float. */
export function NumberField({ path, label, description, required }: Props) {
  const desk = useDesk();
  const [typed, setTyped] = useState<string>();
  const raw = desk.raw(path) ?? '';
  const text = typed ?? raw;
  return (
    <TextInput
      size="xs"
      label={label}
      description={description}
      required={required ?? false}
      inputMode="decimal"
      readOnly={desk.readOnly}
      value={text}
      error={typed !== undefined && typed !== '' && !NUMBER.test(typed)}
      onChange={(event) => {
        const next = event.currentTarget.value.trim();
        setTyped(next);
        if (NUMBER.test(next)) desk.setRaw(path, next);
        else if (next === '' && !required) desk.set(path, undefined);
      }}
      onBlur={() => setTyped(undefined)}
    />
  );
}

/** A list of texts, one a line; an empty list takes the member away. */
export function LinesField({ path, label, description }: Props) {
  const desk = useDesk();
  const [typed, setTyped] = useState<string>();
  const value = desk.value(path);
  const lines = Array.isArray(value) ? value.map(String).join('\n') : '';
  return (
    <Textarea
      size="xs"
      label={label}
      description={description}
      autosize
      minRows={1}
      readOnly={desk.readOnly}
      value={typed ?? lines}
      onChange={(event) => {
        const text = event.currentTarget.value;
        setTyped(text);
        const next = text
          .split('\n')
          .map((line) => line.trim())
          .filter((line) => line !== '');
        desk.set(path, next.length > 0 ? next : undefined);
      }}
      onBlur={() => setTyped(undefined)}
    />
  );
}
