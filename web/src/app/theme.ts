// The theme: our blue, our greys, our font; everything else is the library's.
import { createTheme, type MantineColorsTuple } from '@mantine/core';

const brand: MantineColorsTuple = [
  '#eef3fc',
  '#dbe5f6',
  '#b4c9ec',
  '#8aa6d9',
  '#6488ca',
  '#4a71bd',
  '#3560ae',
  '#2c5296',
  '#1e498a',
  '#163a70',
];

const dark: MantineColorsTuple = [
  '#e6e9ee',
  '#d2d7df',
  '#a9b1be',
  '#8a93a3',
  '#4a515e',
  '#3a404b',
  '#22262e',
  '#1b1e24',
  '#15181d',
  '#101216',
];

export const theme = createTheme({
  primaryColor: 'brand',
  primaryShade: 6,
  colors: { brand, dark },
  fontFamily: "'Inter Variable', system-ui, sans-serif",
  fontFamilyMonospace: "ui-monospace, 'SFMono-Regular', Menlo, Consolas, monospace",
  defaultRadius: 'sm',
  respectReducedMotion: true,
  cursorType: 'pointer',
  components: {
    // The words of an alert are text; its frame and icon carry the colour.
    Alert: {
      styles: {
        root: { color: 'var(--mantine-color-text)' },
        title: { color: 'inherit' },
        message: { color: 'inherit' },
      },
    },
  },
});

/** The nonce this page came with; styles that are made while it runs carry it. */
export function nonce(): string {
  return document.querySelector<HTMLMetaElement>('meta[name="csp-nonce"]')?.content ?? '';
}
