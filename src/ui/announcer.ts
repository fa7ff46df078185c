import { h } from './dom.ts';

/** Shown at least so long, and longer for more words. */
const SHOWN_MS = 3000;
const SHOWN_MS_PER_CHARACTER = 50;

const shown = h('div', { class: 'toast', role: 'status', 'aria-live': 'polite' });
const spoken = h('div', { class: 'visually-hidden', role: 'status', 'aria-live': 'polite' });
const regions = h('div', {}, shown, spoken);
let timer: ReturnType<typeof setTimeout> | undefined;

/** Where announcements go; put it into the page once. */
export function announcer(): HTMLElement {
  return regions;
}

/** Shows `text` for a few seconds, and says it to a screen reader. */
export function announce(text: string): void {
  fill(shown, text);
  clearTimeout(timer);
  timer = setTimeout(() => shown.replaceChildren(), SHOWN_MS + text.length * SHOWN_MS_PER_CHARACTER);
}

/** Says to a screen reader alone what others see elsewhere on the page. */
export function announceUnseen(text: string): void {
  fill(spoken, text);
}

function fill(region: HTMLElement, text: string): void {
  // The same words twice in a row are not read again unless the node is new.
  region.replaceChildren(h('span', {}, text));
}
