// Pairs of names as people write them: one a line, `name = value`.

export const writePairs = (pairs: Record<string, string>): string =>
  Object.entries(pairs)
    .map(([name, value]) => `${name} = ${value}`)
    .join('\n');

/** The pairs, or the first line that is none. The value is what follows the last `=`. */
export function readPairs(text: string): { pairs: Record<string, string> } | { wrong: string } {
  const pairs: [string, string][] = [];
  for (const line of text.split('\n').map((one) => one.trim())) {
    if (line === '') continue;
    const at = line.lastIndexOf('=');
    const [name, value] = [line.slice(0, at).trim(), line.slice(at + 1).trim()];
    if (at < 1 || name === '' || value === '') return { wrong: line };
    pairs.push([name, value]);
  }
  return { pairs: Object.fromEntries(pairs) };
}
