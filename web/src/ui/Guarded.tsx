// A button for something the person may or may not do: never gone, dimmed with its reason.
import { Button, type ButtonProps, Tooltip } from '@mantine/core';
import { type ReactNode, useId } from 'react';
import type { Permission } from '../app/can';

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
  if (!reason) {
    return (
      <Button {...rest} onClick={onClick}>
        {children}
      </Button>
    );
  }
  return (
    <Tooltip label={reason} events={{ hover: true, focus: true, touch: true }}>
      <span>
        <Button
          {...rest}
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
      </span>
    </Tooltip>
  );
}
