// The stretch of text that a place in a document takes, its name included.
import { nodeAt, type Parsed, type Path } from './document';

/** From the first to the last character; nothing where there is no such place. */
export function placed(doc: Parsed, path: Path): { from: number; to: number } | undefined {
  const node = nodeAt(doc, path);
  if (!node) return undefined;
  const from = node.parent?.type === 'property' ? node.parent.offset : node.offset;
  return { from, to: node.offset + node.length };
}
