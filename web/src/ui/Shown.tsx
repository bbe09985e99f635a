// Text in which the server wrote escapes for what nobody could see, with those escapes lit.
import { inParts } from '../lib/escapes';

export function Shown({ text }: { text: string }) {
  return inParts(text).map((part, at) =>
    at % 2 === 1 ? (
      <mark key={at} className="cs-escape">
        {part}
      </mark>
    ) : (
      part
    ),
  );
}
