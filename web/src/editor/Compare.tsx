// Two texts side by side, or in one where there is no room, with what is the same folded away.
import { json } from '@codemirror/lang-json';
import { MergeView, unifiedMergeView } from '@codemirror/merge';
import { EditorState } from '@codemirror/state';
import { EditorView, lineNumbers } from '@codemirror/view';
import { useMediaQuery } from '@mantine/hooks';
import { useEffect, useRef } from 'react';
import { nonce } from '../app/theme';
import { hiddenShown } from './hidden';

interface Props {
  a: string;
  b: string;
  labels: [string, string];
}

/** Where the two stand below each other, change by change. */
const NARROW = '(max-width: 800px)';

const look = EditorView.theme({
  '&': { backgroundColor: 'var(--cs-panel)' },
  '.cm-content': { fontFamily: 'var(--mantine-font-family-monospace)', fontSize: '0.8125rem' },
  '.cm-gutters': { backgroundColor: 'var(--cs-panel)', color: 'var(--cs-hidden)', border: 'none' },
  '.cm-collapsedLines': { background: 'var(--cs-track)', color: 'inherit' },
  // Few fonts have the mark that stands there otherwise.
  '.cm-collapsedLines:before, .cm-collapsedLines:after': { content: '""' },
});

export default function Compare({ a, b, labels }: Props) {
  const frame = useRef<HTMLDivElement>(null);
  // A window that is made narrow, or a phone that is turned, changes the view.
  const narrow = useMediaQuery(NARROW, undefined, { getInitialValueInEffect: false });
  useEffect(() => {
    if (!frame.current) return undefined;
    const extensions = (label: string) => [
      EditorView.cspNonce.of(nonce()),
      lineNumbers(),
      hiddenShown,
      json(),
      look,
      EditorState.readOnly.of(true),
      EditorView.lineWrapping,
      EditorView.contentAttributes.of({ 'aria-label': label }),
    ];
    const collapseUnchanged = { margin: 3, minSize: 4 };
    if (narrow) {
      const state = EditorState.create({
        doc: b,
        extensions: [
          extensions(labels.join(' / ')),
          unifiedMergeView({ original: a, mergeControls: false, collapseUnchanged }),
        ],
      });
      const single = new EditorView({ parent: frame.current, state });
      return () => single.destroy();
    }
    const view = new MergeView({
      parent: frame.current,
      a: { doc: a, extensions: extensions(labels[0]) },
      b: { doc: b, extensions: extensions(labels[1]) },
      collapseUnchanged,
      gutter: true,
    });
    return () => view.destroy();
    // The labels are the same for the life of the view.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [a, b, narrow]);
  return <div ref={frame} style={{ maxHeight: 420, overflow: 'auto' }} />;
}
