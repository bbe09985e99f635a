// Characters that nobody sees, or that turn the text around them, stand as their numbers in every text of
// a policy: what is reviewed is what is there.
import { highlightSpecialChars } from '@codemirror/view';
import { HIDDEN } from '../lib/hidden';

export const hiddenShown = highlightSpecialChars({
  specialChars: HIDDEN,
  render: (code) => {
    const mark = document.createElement('mark');
    mark.className = 'cs-escape';
    mark.textContent = `\\u{${code.toString(16)}}`;
    return mark;
  },
});
