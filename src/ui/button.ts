import { h, on } from './dom.ts';
import { type IconName, icon } from './icons.ts';

export interface ButtonOptions {
  readonly icon?: IconName;
  /** Said instead of the visible text, and shown as tooltip. */
  readonly label?: string;
  readonly class?: string;
}

/** A button with text, an icon, or both. With an icon alone, `label` is its name. */
export function button(
  text: string,
  options: ButtonOptions,
  onClick: (event: MouseEvent) => void | Promise<void>,
): HTMLButtonElement {
  const element = h(
    'button',
    {
      type: 'button',
      class: `button ${options.class ?? ''}`.trim(),
      'aria-label': options.label,
      title: options.label,
    },
    options.icon === undefined ? undefined : icon(options.icon),
    text === '' ? undefined : h('span', { class: 'button-text' }, text),
  );
  on(element, 'click', onClick);
  return element;
}
