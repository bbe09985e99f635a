// Characters that nobody sees, or that turn the text around them. The set is the server's for definitions
// of tools.

export const HIDDEN = new RegExp(
  [
    String.raw`\p{Cc}|\u00ad|\u034f|\u061c|[\u115f-\u1160]|[\u17b4-\u17b5]|[\u180b-\u180f]`,
    String.raw`[\u200b-\u200f]|[\u2028-\u202e]|[\u2060-\u206f]|\u3164|[\ue000-\uf8ff]|\ufeff|\uffa0`,
    String.raw`[\ufff0-\ufffb]|[\u{1bca0}-\u{1bca3}]|[\u{1d173}-\u{1d17a}]|[\u{e0000}-\u{10ffff}]`,
  ].join('|'),
  'gu',
);

const escapeOf = (c: string): string => `\\u{${(c.codePointAt(0) ?? 0).toString(16)}}`;

/** The text with such characters as their numbers, as the server writes them. */
export const seen = (text: string): string => text.replace(HIDDEN, escapeOf);
