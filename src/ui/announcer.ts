import { h } from './dom.ts';

const region = h('div', { class: 'visually-hidden', role: 'status', 'aria-live': 'polite' });

/** Where announcements go; put it into the page once. */
export function announcer(): HTMLElement {
  return region;
}

/** Says `text` to a screen reader. */
export function announce(text: string): void {
  // The same words twice in a row are not read again unless the node is new.
  region.replaceChildren(h('span', {}, text));
}
