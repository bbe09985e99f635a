// Which documents speak of a tool: by its name, or by a name with stars that covers it.
import { parse, valueAt } from '../builder/document';

/** Whether a key of a document, in which `*` stands for any run of characters, covers a tool. */
export function covers(key: string, tool: string): boolean {
  const [first = '', ...rest] = key.split('*');
  if (rest.length === 0) return key === tool;
  if (!tool.startsWith(first)) return false;
  const last = rest.pop() ?? '';
  let at = first.length;
  for (const part of rest) {
    const found = tool.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return tool.length - last.length >= at && tool.endsWith(last);
}

/** The keys and lists of a document that speak of a tool, as pointers; rules for every tool are not meant. */
export function mentions(text: string, tool: string): string[] {
  const doc = parse(text);
  if (doc.broken) return [];
  const tools = valueAt(doc, ['tools']);
  const keys = typeof tools === 'object' && tools !== null ? Object.keys(tools) : [];
  const hidden = valueAt(doc, ['hide']);
  const pointer = (key: string) => `/tools/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`;
  return [
    ...keys.filter((key) => covers(key, tool)).map(pointer),
    ...(Array.isArray(hidden) && hidden.some((key) => typeof key === 'string' && covers(key, tool))
      ? ['/hide']
      : []),
  ];
}
