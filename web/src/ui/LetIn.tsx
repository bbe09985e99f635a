// The form behind a link that lets somebody in: who they are, and a password of their own.
import { Button, PasswordInput, Stack, TextInput } from '@mantine/core';
import { type FormEvent, useState } from 'react';
import { signing as s } from '../text/sign-in';
import { ProblemView } from './ProblemView';

export interface Given {
  token: string;
  name: string;
  email: string;
  password: string;
}

interface Props {
  token: string;
  /** Asked for when the link came without it. */
  tokenLabel?: { label: string; hint: string };
  /** Invited people have an address already. */
  withEmail: boolean;
  nameHint?: string;
  go: string;
  pending: boolean;
  error: unknown;
  send: (given: Given) => void;
}

export function LetIn(props: Props) {
  const [given, setGiven] = useState({ token: props.token, name: '', email: '', password: '' });
  const field = (name: keyof Given) => ({
    value: given[name],
    onChange: (event: { currentTarget: { value: string } }) =>
      setGiven({ ...given, [name]: event.currentTarget.value }),
  });
  const send = (event: FormEvent) => {
    event.preventDefault();
    props.send(given);
  };
  return (
    <form onSubmit={send}>
      <Stack gap="sm">
        {props.tokenLabel && (
          <TextInput
            label={props.tokenLabel.label}
            description={props.tokenLabel.hint}
            autoComplete="off"
            required
            {...field('token')}
          />
        )}
        <TextInput
          label={s.name}
          description={props.nameHint}
          autoComplete="name"
          required={props.withEmail}
          {...field('name')}
        />
        {props.withEmail && (
          <TextInput
            label={s.email}
            type="email"
            autoComplete="username"
            required
            {...field('email')}
          />
        )}
        <PasswordInput
          label={s.newPassword}
          description={s.newPasswordHint}
          autoComplete="new-password"
          required
          {...field('password')}
        />
        {props.error !== null && props.error !== undefined && <ProblemView error={props.error} />}
        <Button type="submit" loading={props.pending} style={{ alignSelf: 'flex-start' }}>
          {props.go}
        </Button>
      </Stack>
    </form>
  );
}
