// Characters that nobody sees, or that turn the text around them, stand as their numbers in every text of
// a policy: what is reviewed is what is there. The set is the server's for definitions of tools.
import { highlightSpecialChars } from '@codemirror/view';

const HIDDEN = new RegExp(
  [
    String.raw`\p{Cc}|\u00ad|\u034f|\u061c|[\u115f-\u1160]|[\u17b4-\u17b5]|[\u180b-\u180f]`,
    String.raw`[\u200b-\u200f]|[\u2028-\u202e]|[\u2060-\u206f]|\u3164|[\ue000-\uf8ff]|\ufeff|\uffa0`,
    String.raw`[\ufff0-\ufffb]|[\u{1bca0}-\u{1bca3}]|[\u{1d173}-\u{1d17a}]|[\u{e0000}-\u{10ffff}]`,
  ].join('|'),
  'gu',
);

export const hiddenShown = highlightSpecialChars({
  specialChars: HIDDEN,
  render: (code) => {
    const mark = document.createElement('mark');
    mark.className = 'cs-escape';
    mark.textContent = `\\u{${code.toString(16)}}`;
    return mark;
  },
});
