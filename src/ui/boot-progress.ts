import type { BootProgress, BootStep } from '../workers/protocol.ts';
import { h } from './dom.ts';
import { formatBytes } from './format.ts';

const TITLES: Readonly<Record<BootStep, string>> = {
  download: 'Downloading',
  unpack: 'Unpacking',
  check: 'Checking',
  start: 'Starting',
};

/** What happens before the guest's first word, over the empty console. */
export class BootCard {
  readonly element: HTMLElement;
  readonly #title = h('p', { class: 'boot-title' });
  readonly #detail = h('p', { class: 'boot-detail' });
  readonly #bar = h('progress', { max: '1', 'aria-label': 'Loading the guest' });

  constructor() {
    this.element = h('div', { class: 'boot-card', role: 'status' }, this.#title, this.#bar, this.#detail);
    this.#set('Preparing', 'Opening the browser’s storage');
  }

  show({ step, what, doneBytes, totalBytes }: BootProgress): void {
    this.element.hidden = false;
    const bytes =
      step === 'download'
        ? `${formatBytes(doneBytes)} of ${formatBytes(totalBytes)}`
        : formatBytes(totalBytes);
    this.#set(`${TITLES[step]} the ${what}`, bytes);
    if (step === 'download') this.#bar.value = totalBytes === 0 ? 1 : doneBytes / totalBytes;
    else this.#bar.removeAttribute('value');
  }

  /** The machine runs and has said nothing yet. */
  waitForKernel(): void {
    this.#set('Starting Linux', 'The kernel’s messages follow here');
    this.#bar.removeAttribute('value');
  }

  hide(): void {
    this.element.hidden = true;
  }

  #set(title: string, detail: string): void {
    // Unchanged words are not set again: a screen reader would read each step of the download.
    if (this.#title.textContent !== title) this.#title.textContent = title;
    this.#detail.textContent = detail;
  }
}
