import { h } from './dom.ts';

/**
 * A part of the page with a title bar.
 * @param title what stands in the title bar, a heading first
 */
export function pane(
  id: string,
  label: string,
  title: readonly HTMLElement[],
  ...body: readonly HTMLElement[]
): HTMLElement {
  return h(
    'section',
    { class: 'pane', id, 'aria-label': label },
    h('header', { class: 'pane-title' }, ...title),
    ...body,
  );
}
