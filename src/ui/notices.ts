import type { Notice } from '../workers/protocol.ts';
import { button } from './button.ts';
import { h } from './dom.ts';

/** What the user must know, under the header, until it is put away. The same sentence is shown once. */
export class Notices {
  readonly element = h('div', { class: 'notices', role: 'region', 'aria-label': 'Notices' });
  readonly #shown = new Map<string, HTMLElement>();
  readonly #onClose: () => void;

  /** @param onClose a notice was put away and the focus needs a place */
  constructor(onClose: () => void) {
    this.#onClose = onClose;
  }

  show({ level, text, detail }: Notice): void {
    if (this.#shown.has(text)) return;
    const notice = h(
      'div',
      { class: `notice ${level}`, role: level === 'error' ? 'alert' : 'status' },
      h('p', {}, h('strong', {}, text), detail === undefined ? undefined : h('span', {}, ` ${detail}`)),
      button('', { icon: 'close', label: 'Dismiss', class: 'quiet' }, () => {
        notice.remove();
        this.#shown.delete(text);
        this.#onClose();
      }),
    );
    this.#shown.set(text, notice);
    this.element.append(notice);
  }
}
