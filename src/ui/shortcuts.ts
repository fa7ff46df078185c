/** Keys that belong to the page wherever the focus is, terminals included. */

export type Region = 'controls' | 'console' | 'monitors' | 'images';
/** A region, or one of the monitors that take turns in theirs. */
export type FocusTarget = Region | 'monitor' | 'qmp';

const REGIONS: readonly Region[] = ['controls', 'console', 'monitors', 'images'];
const DIGITS: Readonly<Record<string, FocusTarget>> = {
  Digit0: 'controls',
  Digit1: 'console',
  Digit2: 'monitor',
  Digit3: 'images',
  Digit4: 'qmp',
};

/** Ctrl+Alt+0 to 4, as QEMU's window has them for its consoles; F6 and Shift+F6 go round. */
export function isPageChord(event: KeyboardEvent): boolean {
  return chordTarget(event) !== undefined;
}

function chordTarget(event: KeyboardEvent): FocusTarget | 'next' | 'previous' | undefined {
  if (event.key === 'F6' && !event.ctrlKey && !event.altKey && !event.metaKey) {
    return event.shiftKey ? 'previous' : 'next';
  }
  // AltGr is Ctrl+Alt on some systems, and types a character.
  if (!event.ctrlKey || !event.altKey || event.getModifierState('AltGraph')) return undefined;
  return DIGITS[event.code];
}

/**
 * Listens on the whole page.
 * @param current where the focus is
 */
export function startShortcuts(focus: (target: FocusTarget) => void, current: () => Region): void {
  // Capture: before a terminal sees the key.
  window.addEventListener(
    'keydown',
    (event) => {
      const target = chordTarget(event);
      if (target === undefined || document.querySelector('dialog[open]') !== null) return;
      event.preventDefault();
      if (target !== 'next' && target !== 'previous') {
        focus(target);
        return;
      }
      const at = REGIONS.indexOf(current()) + (target === 'next' ? 1 : REGIONS.length - 1);
      focus(REGIONS[at % REGIONS.length] ?? 'console');
    },
    { capture: true },
  );
}
