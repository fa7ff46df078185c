import { button } from './button.ts';
import { show } from './dialog.ts';
import { h, on } from './dom.ts';
import { hasOpaqueOrigin } from './frame.ts';
import { screenReaderEnabled, setScreenReader } from './terminal-screen.ts';

const KEYS: readonly (readonly [keys: string, what: string])[] = [
  ['Ctrl+Alt+1', 'Guest console'],
  ['Ctrl+Alt+2', 'Monitor'],
  ['Ctrl+Alt+3', 'Disk images'],
  ['Ctrl+Alt+4', 'QMP, beside the monitor'],
  ['Ctrl+Alt+0', 'Buttons at the top: the way out of a terminal, which takes the Tab key for itself'],
  ['F6, Shift+F6', 'Next and previous of these, with the monitor that was seen last'],
  ['Ctrl+Shift+C, Ctrl+Shift+V', 'Copy and paste in a terminal; on a Mac ⌘C and ⌘V'],
  ['Arrow keys, Home, End, Enter', 'On a dividing bar: move it, or put it back'],
];

/** How to use the page. */
export function openHelp(): void {
  const rows = KEYS.map(([keys, what]) => h('tr', {}, h('th', { scope: 'row' }, keys), h('td', {}, what)));
  const reader = h('input', { type: 'checkbox' });
  reader.checked = screenReaderEnabled();
  on(reader, 'change', () => setScreenReader(reader.checked));
  const close = button('Close', { class: 'primary' }, () => dialog.close());
  const dialog = show(
    'Help',
    h(
      'div',
      {},
      h(
        'p',
        {},
        'This page is a PC. The guest console is its serial port, where Linux runs; the monitor is QEMU’s, where you plug hardware in and out. Type help there for its commands. QMP beside it has the same in the words that programs use, as QEMU’s qmp-shell shows them; the Tab key completes them.',
      ),
      h(
        'p',
        {},
        `Disk images stay in this ${hasOpaqueOrigin() ? 'frame until it is closed' : 'browser'}. The name shown in the list is the one for file= in drive_add.`,
      ),
      h('table', { class: 'keys' }, h('tbody', {}, ...rows)),
      h('label', { class: 'check' }, reader, ' Screen reader mode: terminals are read aloud'),
      h('div', { class: 'form-actions' }, close),
    ),
    'wide',
  );
  close.focus();
}
