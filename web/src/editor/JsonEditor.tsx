// The JSON view: CodeMirror with the schema's word at once and the server's word a moment later.
import {
  autocompletion,
  closeBrackets,
  type CompletionContext,
  completionKeymap,
} from '@codemirror/autocomplete';
import { defaultKeymap, history, historyKeymap, indentWithTab } from '@codemirror/commands';
import { json, jsonParseLinter } from '@codemirror/lang-json';
import {
  bracketMatching,
  foldGutter,
  foldKeymap,
  HighlightStyle,
  indentOnInput,
  syntaxHighlighting,
} from '@codemirror/language';
import { type Diagnostic, linter, lintGutter, lintKeymap, setDiagnostics } from '@codemirror/lint';
import { highlightSelectionMatches, searchKeymap } from '@codemirror/search';
import { Compartment, EditorState, StateEffect, StateField } from '@codemirror/state';
import {
  Decoration,
  type DecorationSet,
  EditorView,
  highlightActiveLine,
  keymap,
  lineNumbers,
} from '@codemirror/view';
import { tags } from '@lezer/highlight';
import { useEffect, useRef } from 'react';
import { nonce } from '../app/theme';
import { hiddenShown } from './hidden';

export interface Mark {
  from: number;
  to: number;
  severity: 'error' | 'warning';
  message: string;
}

interface Props {
  text: string;
  onChange?: (text: string) => void;
  label: string;
  readOnly?: boolean;
  marks?: Mark[];
  /** The stretch that is lit, in characters. */
  lit?: { from: number; to: number } | undefined;
  /** Names to offer where a key may stand. */
  words?: string[];
  minHeight?: number;
  /** Beyond, it scrolls inside. */
  maxHeight?: number | undefined;
}

const colours = HighlightStyle.define([
  { tag: tags.propertyName, color: 'var(--cs-link)' },
  { tag: tags.string, color: 'var(--cs-allowed)' },
  { tag: [tags.number, tags.bool, tags.null], color: 'var(--cs-unknown)' },
]);

const look = EditorView.theme({
  '&': {
    backgroundColor: 'var(--cs-panel)',
    border: '1px solid var(--cs-border)',
    borderRadius: '4px',
  },
  '&.cm-focused': { outline: '2px solid var(--cs-focus)' },
  '.cm-content': {
    fontFamily: 'var(--mantine-font-family-monospace)',
    fontSize: '0.875rem',
    caretColor: 'currentColor',
  },
  '.cm-gutters': { backgroundColor: 'var(--cs-panel)', color: 'var(--cs-hidden)', border: 'none' },
  '.cm-activeLine': { backgroundColor: 'transparent' },
  '.cm-lit': { backgroundColor: 'var(--cs-lit)' },
  '.cm-tooltip': { backgroundColor: 'var(--cs-panel)', color: 'inherit' },
  '.cm-panels': { backgroundColor: 'var(--cs-panel)', color: 'inherit' },
  '.cm-selectionBackground': { backgroundColor: 'var(--cs-track) !important' },
});

const setLit = StateEffect.define<{ from: number; to: number } | undefined>();
const litLine = Decoration.line({ class: 'cm-lit', attributes: { 'data-lit': 'true' } });

const litField = StateField.define<DecorationSet>({
  create: () => Decoration.none,
  update(before, change) {
    let lines = before.map(change.changes);
    for (const effect of change.effects) {
      if (!effect.is(setLit)) continue;
      if (!effect.value) {
        lines = Decoration.none;
        continue;
      }
      const { doc } = change.state;
      const first = doc.lineAt(Math.min(effect.value.from, doc.length)).number;
      const last = doc.lineAt(Math.min(effect.value.to, doc.length)).number;
      const ranges = Array.from({ length: last - first + 1 }, (_, at) =>
        litLine.range(doc.line(first + at).from),
      );
      lines = Decoration.set(ranges);
    }
    return lines;
  },
  provide: (field) => EditorView.decorations.from(field),
});

const offering = (words: string[]) => (context: CompletionContext) => {
  const before = context.matchBefore(/"[\w*]*/);
  if (!before || (before.from === before.to && !context.explicit)) return null;
  return {
    from: before.from,
    options: words.map((word) => ({ label: JSON.stringify(word) })),
    filter: true,
  };
};

const toDiagnostics = (marks: Mark[], length: number): Diagnostic[] =>
  marks.map(({ from, to, severity, message }) => ({
    from: Math.min(from, length),
    to: Math.min(Math.max(from, to), length),
    severity,
    message,
  }));

export default function JsonEditor({
  text,
  onChange,
  label,
  readOnly,
  marks,
  lit,
  words,
  minHeight = 320,
  maxHeight,
}: Props) {
  const frame = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView>(undefined);
  const changed = useRef(onChange);
  const offered = useRef(new Compartment());
  useEffect(() => {
    changed.current = onChange;
  });

  useEffect(() => {
    if (!frame.current) return undefined;
    const editor = new EditorView({
      parent: frame.current,
      state: EditorState.create({
        doc: text,
        extensions: [
          EditorView.cspNonce.of(nonce()),
          lineNumbers(),
          hiddenShown,
          foldGutter(),
          history(),
          indentOnInput(),
          bracketMatching(),
          closeBrackets(),
          highlightActiveLine(),
          highlightSelectionMatches(),
          json(),
          syntaxHighlighting(colours),
          look,
          litField,
          offered.current.of([]),
          ...(readOnly ? [] : [lintGutter(), linter(jsonParseLinter(), { delay: 150 })]),
          EditorState.readOnly.of(readOnly ?? false),
          EditorView.lineWrapping,
          EditorView.contentAttributes.of({ 'aria-label': label }),
          EditorView.theme({
            '.cm-scroller': { minHeight: `${minHeight}px` },
            ...(maxHeight
              ? {
                  '&': { maxHeight: `${maxHeight}px` },
                  '.cm-scroller': { minHeight: `${minHeight}px`, overflow: 'auto' },
                }
              : {}),
          }),
          keymap.of([
            ...defaultKeymap,
            ...historyKeymap,
            ...searchKeymap,
            ...foldKeymap,
            ...completionKeymap,
            ...lintKeymap,
            indentWithTab,
          ]),
          EditorView.updateListener.of((update) => {
            if (update.docChanged) changed.current?.(update.state.doc.toString());
          }),
        ],
      }),
    });
    // What scrolls is reached by the keyboard, whatever of its text is drawn.
    if (maxHeight) editor.scrollDOM.tabIndex = 0;
    view.current = editor;
    return () => editor.destroy();
    // The editor is made once; what changes later is told to it below.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, []);

  useEffect(() => {
    const editor = view.current;
    if (!editor || editor.state.doc.toString() === text) return;
    editor.dispatch({ changes: { from: 0, to: editor.state.doc.length, insert: text } });
  }, [text]);

  useEffect(() => {
    view.current?.dispatch({
      effects: offered.current.reconfigure(
        words ? autocompletion({ override: [offering(words)] }) : [],
      ),
    });
  }, [words]);

  useEffect(() => {
    const editor = view.current;
    if (editor && marks)
      editor.dispatch(setDiagnostics(editor.state, toDiagnostics(marks, editor.state.doc.length)));
  }, [marks, text]);

  useEffect(() => {
    const editor = view.current;
    if (!editor) return;
    const effects: StateEffect<unknown>[] = [setLit.of(lit)];
    if (lit) {
      const at = Math.min(lit.from, editor.state.doc.length);
      effects.push(EditorView.scrollIntoView(at, { y: 'center' }));
      if (!readOnly) {
        editor.dispatch({ selection: { anchor: at } });
        editor.focus();
      }
    }
    editor.dispatch({ effects });
  }, [lit, readOnly]);

  return <div ref={frame} />;
}
