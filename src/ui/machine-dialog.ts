import type { LineAnswer } from '../workers/protocol.ts';
import { button } from './button.ts';
import { dialectSelect } from './dialect-choice.ts';
import { show, showError } from './dialog.ts';
import { h, on } from './dom.ts';

export interface MachineDialogOptions {
  /** What is to be edited. */
  readonly line: string;
  readonly defaultLine: string;
  /** Why the dialog was opened, when the user did not ask for it. */
  readonly reason?: string | undefined;
  /** What is wrong with the line. */
  readonly answer?: LineAnswer | undefined;
  /**
   * The user pressed OK. Resolves to what the line comes to when it starts no machine.
   * @param close to be called when the dialog is done
   */
  submitted(line: string, close: () => void): Promise<LineAnswer | undefined>;
  /** Closed without a machine. */
  cancelled(): void;
}

const TEXT =
  'The command line of this PC, in QEMU’s words. OK throws the machine away and switches on the one that stands here. The page’s address keeps the line.';
const HINT = '-help lists the options; -M help, -cpu help, -device help what there is to choose.';

/** Asks for the command line of the machine. Returns a function that closes the dialog. */
export function openMachineDialog(options: MachineDialogOptions): () => void {
  const field = h('textarea', {
    class: 'input mono command-line',
    rows: '4',
    autocomplete: 'off',
    autocapitalize: 'off',
    spellcheck: 'false',
    'aria-describedby': 'command-line-hint command-line-error',
  });
  field.value = options.line;
  const error = h('p', { class: 'form-error mono', id: 'command-line-error', role: 'alert' });
  const output = h('pre', { class: 'command-output', tabindex: '0', 'aria-label': 'Answer', hidden: true });
  const ok = button('OK', { class: 'primary' }, () => submit());
  let isDone = false;
  const close = (): void => {
    isDone = true;
    dialog.close();
  };
  const tell = (answer: LineAnswer | undefined): void => {
    const isError = answer?.kind === 'error';
    output.hidden = answer?.kind !== 'text';
    output.textContent = answer?.kind === 'text' ? answer.text : '';
    if (isError) field.setAttribute('aria-invalid', 'true');
    else field.removeAttribute('aria-invalid');
    if (answer?.range !== undefined) field.setSelectionRange(answer.range.start, answer.range.end);
    if (dialog.matches(':modal')) field.focus();
    // After the focus, which scrolls to the field.
    showError(error, isError ? answer.text : '');
  };
  const submit = async (): Promise<void> => {
    if (ok.disabled) return;
    ok.disabled = true;
    try {
      tell(await options.submitted(field.value.trim(), close));
    } finally {
      ok.disabled = false;
    }
  };
  const dialog = show(
    'Machine',
    h(
      'div',
      {},
      options.reason === undefined ? undefined : h('p', {}, options.reason),
      h('p', {}, TEXT),
      h('label', { class: 'field' }, h('span', {}, 'Command line'), field),
      error,
      dialectSelect(field),
      h('p', { class: 'hint', id: 'command-line-hint' }, HINT),
      output,
      h(
        'div',
        { class: 'form-actions' },
        button('Default', { label: 'Write the default command line', class: 'first' }, () => {
          field.value = options.defaultLine;
          field.dispatchEvent(new Event('input'));
          tell(undefined);
        }),
        button('Cancel', {}, () => dialog.close()),
        ok,
      ),
    ),
    'wide',
  );
  on(field, 'keydown', async (event) => {
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    await submit();
  });
  on(dialog, 'close', () => {
    if (!isDone) options.cancelled();
  });
  tell(options.answer);
  return close;
}
