import type { Notice } from '../workers/protocol.ts';
import { button } from './button.ts';
import { copyText } from './clipboard.ts';
import { h } from './dom.ts';

/** More than anybody reads; of more the oldest is put away. */
const MAX_SHOWN = 30;

/** A notice on the page, and the element that shows how often it happened. */
interface Shown {
  readonly element: HTMLElement;
  readonly count: HTMLElement;
}

/** What the user must know, shown under the header until it is dismissed. What happens again is not shown again, but counted. */
export class Notices {
  readonly element = h('div', { class: 'notices', role: 'region', 'aria-label': 'Notices' });
  readonly #shown = new Map<string, Shown>();
  readonly #onClose: () => void;
  readonly #letOut: () => void;

  /**
   * @param onClose a notice was put away and the focus needs a place
   * @param letOut the reader lets the guest reach the world outside of the page
   */
  constructor(onClose: () => void, letOut: () => void) {
    this.#onClose = onClose;
    this.#letOut = letOut;
  }

  show(notice: Notice): void {
    const key = notice.key ?? notice.text;
    const shown = this.#shown.get(key) ?? this.#add(key, notice);
    if (notice.count !== undefined && notice.count > 1) shown.count.textContent = ` ${notice.count} times.`;
  }

  #add(key: string, { level, text, detail, report, action }: Notice): Shown {
    const count = h('span', { class: 'notice-count' });
    const putAway = (): void => {
      element.remove();
      this.#shown.delete(key);
      this.#onClose();
    };
    const element: HTMLElement = h(
      'div',
      { class: `notice ${level}`, role: level === 'error' ? 'alert' : 'status' },
      h(
        'div',
        { class: 'notice-text' },
        h('p', {}, h('strong', {}, text), count, detail === undefined ? undefined : ` ${detail}`),
        report === undefined ? undefined : reportDetails(report),
      ),
      action === undefined
        ? undefined
        : button('Let it out', { label: 'Let the guest reach the world outside', class: 'small' }, () => {
            this.#letOut();
            putAway();
          }),
      button('', { icon: 'close', label: 'Dismiss', class: 'quiet' }, putAway),
    );
    const shown = { element, count };
    this.#shown.set(key, shown);
    for (const [oldest, { element: old }] of this.#shown) {
      if (this.#shown.size <= MAX_SHOWN) break;
      old.remove();
      this.#shown.delete(oldest);
    }
    this.element.append(element);
    return shown;
  }
}

/** Closed at first: a report is for those who mend the emulator, not for those who use it. */
function reportDetails(report: string): HTMLElement {
  return h(
    'details',
    { class: 'notice-report' },
    h('summary', {}, 'Details for a report'),
    button('Copy the details', { icon: 'copy', class: 'small' }, () => copyText(report)),
    h('pre', { tabindex: '0', 'aria-label': 'Details for a report' }, report),
  );
}
