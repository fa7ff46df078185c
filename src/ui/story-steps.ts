import { button } from './button.ts';
import { h } from './dom.ts';
import type { StoryActions } from './story.ts';
import type { Step } from './story-texts.ts';

/** What stands before a command where it is typed. */
const PROMPTS = { monitor: '(qemu)', guest: 'guest#' } as const;
const LABELS = { monitor: 'Write into the monitor', guest: 'Write into the guest console' } as const;

/** A list of steps, each a button. */
export class StorySteps {
  readonly element: HTMLElement;
  readonly #list = h('ol', { class: 'story-steps' });
  readonly #actions: StoryActions;
  #shown = '';

  constructor(actions: StoryActions) {
    this.#actions = actions;
    this.element = h('div', {}, this.#list);
  }

  /** The step that had the focus keeps it. */
  show(steps: readonly Step[]): void {
    const key = JSON.stringify(steps);
    if (key === this.#shown) return;
    this.#shown = key;
    const focused = this.#items().findIndex((item) => item.contains(document.activeElement));
    this.#list.replaceChildren(...steps.map((step) => h('li', {}, this.#step(step))));
    this.#items()[focused]?.querySelector('button')?.focus();
  }

  #items(): readonly Element[] {
    return [...this.#list.children];
  }

  #step(step: Step): HTMLElement {
    if (step.to === 'nobody') return h('span', { class: 'story-text' }, step.text);
    if (step.to === 'images') {
      return button(step.text, { class: 'story-command' }, () => this.#actions.images());
    }
    const { to, command } = step;
    const element = button(command, { label: `${LABELS[to]}: ${command}`, class: 'story-command mono' }, () =>
      this.#actions[to](command),
    );
    element.prepend(h('span', { class: 'story-prompt' }, PROMPTS[to]));
    return element;
  }
}
