import { button } from './button.ts';
import { h, on } from './dom.ts';
import { isFramed } from './frame.ts';

export interface Field {
  readonly name: string;
  readonly label: string;
  readonly value: string;
  readonly hint?: string;
}

export interface FormOptions {
  readonly title: string;
  readonly text?: string;
  readonly fields?: readonly Field[];
  readonly submit: string;
  readonly danger?: boolean;
  /** Resolves to undefined when all is done, and the dialog closes; to a sentence when it is not, and the dialog shows it and stays. */
  submitted(values: ReadonlyMap<string, string>): Promise<string | undefined>;
}

/** A modal form; the focus goes back where it was. */
export function openForm(options: FormOptions): void {
  const error = h('p', { class: 'form-error', role: 'alert' });
  const inputs = (options.fields ?? []).map((field) => ({ field, input: inputFor(field) }));
  const submit = h(
    'button',
    { type: 'button', class: `button primary ${options.danger === true ? 'danger' : ''}` },
    options.submit,
  );
  const cancel = button('Cancel', {}, () => dialog.close());
  // No form element: in a sandbox without `allow-forms` the browser submits none, silently.
  const form = h(
    'div',
    {},
    options.text === undefined ? undefined : h('p', {}, options.text),
    ...inputs.map(({ field, input }) =>
      h(
        'label',
        { class: 'field' },
        h('span', {}, field.label),
        input,
        field.hint === undefined ? undefined : h('small', {}, field.hint),
      ),
    ),
    error,
    h('div', { class: 'form-actions' }, cancel, submit),
  );
  const dialog = show(options.title, form);
  inputs[0]?.input.select();
  if (inputs.length === 0) cancel.focus();
  const send = async (): Promise<void> => {
    if (submit.disabled || !inputs.every(({ input }) => input.reportValidity())) return;
    submit.disabled = true;
    const message = await options.submitted(
      new Map(inputs.map(({ field, input }) => [field.name, input.value])),
    );
    submit.disabled = false;
    if (message === undefined) dialog.close();
    else showError(error, message);
  };
  on(submit, 'click', send);
  for (const { input } of inputs) {
    on(input, 'keydown', async (event) => {
      if (event.key === 'Enter' && !event.isComposing) await send();
    });
  }
}

/** Says in a dialog what is wrong, or with '' that nothing is. In a low window it would be out of sight. */
export function showError(element: HTMLElement, text: string): void {
  element.textContent = text;
  if (text !== '') element.scrollIntoView({ block: 'nearest' });
}

let shown = 0;

/** Shows `content` in a modal dialog under a title. One dialog may be above another. */
export function show(title: string, content: HTMLElement, className = ''): HTMLDialogElement {
  const id = `dialog-title-${++shown}`;
  const dialog = h(
    'dialog',
    { class: `dialog ${className}`.trim(), 'aria-labelledby': id },
    h('h2', { id }, title),
    content,
  );
  on(dialog, 'close', () => dialog.remove());
  document.body.append(dialog);
  if (isFramed() && !document.hasFocus()) waitForReader(dialog);
  else dialog.showModal();
  return dialog;
}

/** In a frame the keyboard stays with the page around it until the reader comes in: the dialog is only shown until then. */
function waitForReader(dialog: HTMLDialogElement): void {
  dialog.setAttribute('open', '');
  const becomeModal = (): void => {
    if (!dialog.isConnected) return;
    dialog.removeAttribute('open');
    dialog.showModal();
  };
  window.addEventListener('focus', becomeModal, { once: true });
}

function inputFor(field: Field): HTMLInputElement {
  return h('input', {
    name: field.name,
    value: field.value,
    required: true,
    autocomplete: 'off',
    autocapitalize: 'off',
    spellcheck: 'false',
    class: 'input mono',
  });
}
