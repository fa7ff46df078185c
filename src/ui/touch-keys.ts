import { button } from './button.ts';
import { h } from './dom.ts';

const KEYS: readonly (readonly [text: string, label: string, sequence: string])[] = [
  ['Esc', 'Escape', '\x1b'],
  ['Tab', 'Tab', '\t'],
  ['Ctrl-C', 'Control C', '\x03'],
  ['Ctrl-D', 'Control D', '\x04'],
  ['↑', 'Up', '\x1b[A'],
  ['↓', 'Down', '\x1b[B'],
  ['←', 'Left', '\x1b[D'],
  ['→', 'Right', '\x1b[C'],
];

/** Keys that a touch keyboard lacks; shown on touch screens only. */
export function touchKeys(type: (sequence: string) => void): HTMLElement {
  const bar = h('div', { class: 'touch-keys', role: 'group', 'aria-label': 'Extra keys' });
  for (const [text, label, sequence] of KEYS) {
    const key = button(text, { label, class: 'key' }, () => type(sequence));
    // The touch keyboard stays open only when the terminal keeps the focus.
    key.addEventListener('pointerdown', (event) => event.preventDefault());
    bar.append(key);
  }
  return bar;
}
