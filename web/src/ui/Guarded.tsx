// A button for something the person may or may not do: never gone, dimmed with its reason.
import { Button, type ButtonProps } from '@mantine/core';
import { type ReactNode, useId } from 'react';
import type { Permission } from '../app/can';
import { Hint } from './Hint';

interface Props extends ButtonProps {
  may: Permission;
  /** Another reason why it cannot be pressed now. */
  not?: string | false | undefined;
  onClick: () => void;
  children: ReactNode;
}

export function Guarded({ may, not, onClick, children, ...rest }: Props) {
  const reason = may.allowed ? not || '' : may.reason;
  const id = useId();
  // Which word of the server the button goes by: tests compare the two.
  const asked = { 'data-operation': may.operation, 'data-can': may.answer };
  if (!reason) {
    return (
      <Button {...rest} {...asked} onClick={onClick}>
        {children}
      </Button>
    );
  }
  return (
    <Hint text={reason}>
      <Button
        {...rest}
        {...asked}
        data-disabled
        aria-disabled
        aria-describedby={id}
        onClick={(event) => event.preventDefault()}
      >
        {children}
      </Button>
      <span id={id} hidden>
        {reason}
      </span>
    </Hint>
  );
}
