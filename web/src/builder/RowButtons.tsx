// The buttons of a rule's row, as the library draws them. A list of rules has hundreds, and the
// library works out their style one by one; here it is worked out once for each kind. A test holds
// them to the library's own.
import { ActionIcon, Button, UnstyledButton, useMantineTheme } from '@mantine/core';
import { type ComponentProps, type ReactNode } from 'react';

interface Props {
  'aria-label': string;
  'aria-expanded'?: boolean;
  disabled?: boolean;
  onClick: () => void;
  children: ReactNode;
}

type Style = NonNullable<ComponentProps<'button'>['style']>;
type Theme = ReturnType<typeof useMantineTheme>;

/** Keeps what a theme gives: there is one for as long as the page is open. */
function once(make: (theme: Theme) => object): (theme: Theme) => Style {
  const made = new WeakMap<Theme, Style>();
  return (theme) => {
    const before = made.get(theme);
    if (before) return before;
    const style = Object.fromEntries(
      Object.entries(make(theme)).filter(([, value]) => value !== undefined),
    );
    made.set(theme, style);
    return style;
  };
}

const ICON = { variant: 'subtle', color: 'gray' } as const;
const WORD = { variant: 'default', size: 'compact-sm' } as const;
const iconStyle = once((theme) => ActionIcon.varsResolver(theme, ICON, {}).root ?? {});
const wordStyle = once((theme) => Button.varsResolver(theme, WORD, {}).root ?? {});

const rootOf = (name: string, root: string | undefined, active: boolean): string =>
  [
    'mantine-focus-auto',
    active && 'mantine-active',
    root,
    `mantine-${name}-root`,
    UnstyledButton.classes.root,
    'mantine-UnstyledButton-root',
  ]
    .filter(Boolean)
    .join(' ');
const ICON_ON = rootOf('ActionIcon', ActionIcon.classes.root, true);
const ICON_OFF = rootOf('ActionIcon', ActionIcon.classes.root, false);
const ICON_IN = `${ActionIcon.classes.icon} mantine-ActionIcon-icon`;
const WORD_ON = rootOf('Button', Button.classes.root, true);
const WORD_IN = `${Button.classes.inner} mantine-Button-inner`;
const WORD_LABEL = `${Button.classes.label} mantine-Button-label`;

/** `<ActionIcon variant="subtle" color="gray">` */
export function RowIcon({ disabled = false, children, ...rest }: Props) {
  const style = iconStyle(useMantineTheme());
  return (
    <button
      type="button"
      className={disabled ? ICON_OFF : ICON_ON}
      style={style}
      data-variant={ICON.variant}
      data-disabled={disabled || undefined}
      disabled={disabled}
      {...rest}
    >
      <span className={ICON_IN}>{children}</span>
    </button>
  );
}

/** `<Button variant="default" size="compact-sm">` */
export function RowButton({ children, ...rest }: Omit<Props, 'disabled'>) {
  const style = wordStyle(useMantineTheme());
  return (
    <button
      type="button"
      className={WORD_ON}
      style={style}
      data-variant={WORD.variant}
      data-size={WORD.size}
      {...rest}
    >
      <span className={WORD_IN}>
        <span className={WORD_LABEL}>{children}</span>
      </span>
    </button>
  );
}
