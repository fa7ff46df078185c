import { h, on } from './dom.ts';

export interface Tab {
  /** Part of the ids of the page's elements. */
  readonly id: string;
  readonly title: string;
  readonly panel: HTMLElement;
}

/** Tabs for panels, of which one is shown. Spec: WAI-ARIA Authoring Practices, tabs with automatic activation. */
export class Tabs {
  /** Goes above the panels. */
  readonly list: HTMLElement;
  readonly #tabs: readonly Tab[];
  readonly #buttons: readonly HTMLButtonElement[];
  readonly #onSelect: (id: string) => void;

  /**
   * @param selected id of the tab that is shown first; an unknown one is the first
   * @param onSelect is told what the user chose
   */
  constructor(
    label: string,
    all: readonly Tab[],
    selected: string | undefined,
    onSelect: (id: string) => void,
  ) {
    this.#tabs = all;
    this.#onSelect = onSelect;
    this.#buttons = all.map(({ id, title }) =>
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
    this.list = h('div', { role: 'tablist', class: 'tabs', 'aria-label': label }, ...this.#buttons);
    for (const [at, button] of this.#buttons.entries()) on(button, 'click', () => this.#choose(at));
    on(this.list, 'keydown', (event) => this.#key(event));
    this.select(all.some(({ id }) => id === selected) ? selected : all[0]?.id);
  }

  /** Shows the panel of this tab, without telling anybody. */
  select(id: string | undefined): void {
    for (const [index, { id: own, panel }] of this.#tabs.entries()) {
      const button = this.#buttons[index];
      button?.setAttribute('aria-selected', String(own === id));
      if (button !== undefined) button.tabIndex = own === id ? 0 : -1;
      panel.hidden = own !== id;
    }
  }

  #choose(at: number): void {
    const { id = '' } = this.#tabs[at] ?? {};
    this.select(id);
    this.#onSelect(id);
  }

  #key(event: KeyboardEvent): void {
    const at = this.#buttons.findIndex((button) => button === document.activeElement);
    const to = target(event.key, at, this.#buttons.length);
    if (at < 0 || to === undefined) return;
    event.preventDefault();
    this.#buttons[to]?.focus();
    this.#choose(to);
  }
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
