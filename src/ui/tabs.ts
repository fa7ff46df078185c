import { h, on } from './dom.ts';

export interface Tab {
  /** Part of the ids of the page's elements. */
  readonly id: string;
  readonly title: string;
  readonly panel: HTMLElement;
}

/**
 * Tabs with their panels, of which one is shown. Spec: WAI-ARIA Authoring Practices, tabs with automatic activation.
 * @param selected id of the tab that is shown first; an unknown one is the first
 */
export function tabs(
  label: string,
  all: readonly Tab[],
  selected: string | undefined,
  onSelect: (id: string) => void,
): HTMLElement {
  const buttons = all.map(({ id, title }) =>
    h(
      'button',
      { type: 'button', role: 'tab', class: 'tab', id: `tab-${id}`, 'aria-controls': `panel-${id}` },
      title,
    ),
  );
  for (const { id, panel } of all) {
    panel.id = `panel-${id}`;
    panel.setAttribute('role', 'tabpanel');
    panel.setAttribute('aria-labelledby', `tab-${id}`);
  }
  const select = (at: number): void => {
    for (const [index, button] of buttons.entries()) {
      button.setAttribute('aria-selected', String(index === at));
      button.tabIndex = index === at ? 0 : -1;
    }
    for (const [index, { panel }] of all.entries()) panel.hidden = index !== at;
  };
  const choose = (at: number): void => {
    select(at);
    onSelect(all[at]?.id ?? '');
  };
  const list = h('div', { role: 'tablist', class: 'tabs', 'aria-label': label }, ...buttons);
  for (const [at, button] of buttons.entries()) on(button, 'click', () => choose(at));
  on(list, 'keydown', (event) => {
    const at = buttons.findIndex((button) => button === document.activeElement);
    const to = target(event.key, at, buttons.length);
    if (at < 0 || to === undefined) return;
    event.preventDefault();
    buttons[to]?.focus();
    choose(to);
  });
  select(
    Math.max(
      0,
      all.findIndex(({ id }) => id === selected),
    ),
  );
  return h('div', {}, list, ...all.map(({ panel }) => panel));
}

/** Where a key leads; undefined: it is none of these keys. */
function target(key: string, at: number, count: number): number | undefined {
  switch (key) {
    case 'ArrowRight':
      return (at + 1) % count;
    case 'ArrowLeft':
      return (at + count - 1) % count;
    case 'Home':
      return 0;
    case 'End':
      return count - 1;
    default:
      return undefined;
  }
}
