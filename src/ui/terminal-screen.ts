import { FitAddon } from '@xterm/addon-fit';
import { type ITerminalOptions, Terminal } from '@xterm/xterm';
import { announce } from './announcer.ts';
import { button } from './button.ts';
import { copyText } from './clipboard.ts';
import { h, on, readSetting, writeSetting } from './dom.ts';
import { FONT_SIZE, fontSizeFor } from './font-size.ts';
import { isPageChord } from './shortcuts.ts';
import { onThemeChange, terminalTheme } from './theme.ts';

export const FONT =
  "ui-monospace, 'SF Mono', 'Cascadia Mono', 'JetBrains Mono', 'DejaVu Sans Mono', Menlo, Consolas, monospace";

/** While the user drags a dividing bar the terminal changes its size all the time. */
const RESIZE_SETTLED_MS = 150;

/** What the terminal shows so soon after the user did something may be what the user wanted to see. */
const USER_ACTS_MS = 500;

/** End of line, then delete to its start: editing keys of the monitor, and of shells. */
export const CLEAR_LINE = '\x05\x15';

export interface TerminalScreenOptions {
  /** Its name for people. */
  readonly title: string;
  readonly scrollback: number;
  /** A bare line feed also returns the carriage. */
  readonly convertEol?: boolean;
  /** What the user typed or pasted. */
  onInput(text: string): void;
  /** The terminal has this size now, and has had it for a moment. */
  onResize?(columns: number, rows: number): void;
  /** Bytes that are not UTF-8 text: mouse reports of old style. */
  onBinary?(bytes: Uint8Array): void;
}

/** An xterm, and buttons to copy and paste for those who have no keys for that. */
export class TerminalScreen {
  readonly element: HTMLElement;
  /** For the title bar of its pane. */
  readonly actions = h('div', { class: 'pane-actions' });
  /** Lies over the terminal. */
  readonly overlay = h('div', { class: 'pane-overlay' });
  readonly #terminal: Terminal;
  readonly #fit = new FitAddon();
  readonly #screen = h('div', { class: 'terminal' });
  readonly #title: string;
  readonly #onResize: (columns: number, rows: number) => void;
  #minColumns = 0;
  #resizeTimer: ReturnType<typeof setTimeout> | undefined;
  /** Its end is in sight, unless the user has scrolled away from it. */
  #followsEnd = true;
  #userActedAt = Number.NEGATIVE_INFINITY;

  constructor(options: TerminalScreenOptions) {
    this.#title = options.title;
    this.#onResize = (columns, rows) => options.onResize?.(columns, rows);
    this.#terminal = new Terminal(terminalOptions(options));
    this.#terminal.loadAddon(this.#fit);
    this.#terminal.onData((text) => options.onInput(text));
    this.#terminal.onBinary((text) =>
      options.onBinary?.(Uint8Array.from(text, (char) => char.charCodeAt(0))),
    );
    this.#terminal.attachCustomKeyEventHandler((event) => this.#key(event));
    onThemeChange(() => {
      this.#terminal.options.theme = terminalTheme();
    });
    onScreenReaderChange((enabled) => {
      this.#terminal.options.screenReaderMode = enabled;
    });
    this.actions.append(
      button(
        '',
        {
          icon: 'copy',
          label: `Copy from the ${options.title}: the selection, or all of it`,
          class: 'quiet',
        },
        () => this.#copy(),
      ),
      button('', { icon: 'paste', label: `Paste into the ${options.title}`, class: 'quiet' }, () =>
        this.#paste(),
      ),
    );
    this.element = h('div', { class: 'terminal-frame' }, this.#screen, this.overlay);
    on(this.#screen, 'click', () => this.focus());
  }

  /** Call once, when it is in the page. */
  open(): void {
    this.#terminal.open(this.#screen);
    this.#terminal.textarea?.setAttribute('aria-label', this.#title);
    this.#terminal.textarea?.setAttribute('aria-describedby', 'terminal-help');
    new ResizeObserver(() => this.#resize()).observe(this.#screen);
    new IntersectionObserver((entries) => {
      if (entries.at(-1)?.isIntersecting === true) this.#seen();
    }).observe(this.#screen);
    this.#terminal.onResize(() => this.#sizeChanged());
    this.#keepEnd();
    this.#resize();
    this.#onResize(this.#terminal.cols, this.#terminal.rows);
  }

  /** Where it is too narrow for so many columns, a smaller font makes room for them. */
  setMinColumns(columns: number): void {
    if (columns === this.#minColumns) return;
    this.#minColumns = columns;
    this.#resize();
  }

  focus(): void {
    this.#terminal.focus();
  }

  /** @param taken called when the terminal has taken it */
  write(data: Uint8Array | string, taken?: () => void): void {
    this.#terminal.write(data, taken);
  }

  /** As if typed. */
  type(text: string): void {
    this.#terminal.input(text, true);
  }

  /** The characters at the cursor and to the right of it, over the rows of a wrapped line; at most `columns` columns of them. */
  textAfterCursor(columns: number): string {
    const { cols, buffer } = this.#terminal;
    const { baseY, cursorX, cursorY } = buffer.active;
    let text = '';
    let left = columns;
    let column = cursorX;
    for (let row = baseY + cursorY; left > 0; row++) {
      const line = buffer.active.getLine(row);
      if (line === undefined) break;
      const next = buffer.active.getLine(row + 1);
      for (; column < cols && left > 0; column++) {
        const cell = line.getCell(column);
        const width = cell?.getWidth() ?? 1;
        const characters = cell?.getChars() ?? '';
        // A wide character that had no room at the end of the row stands at the start of the next one.
        const skipped =
          column === cols - 1 &&
          characters === '' &&
          next?.isWrapped === true &&
          next.getCell(0)?.getWidth() === 2;
        if (width === 0 || skipped) continue;
        text += characters === '' ? ' ' : characters;
        left -= width;
      }
      column = 0;
    }
    return text;
  }

  /** All lines, scroll-back included, wrapped ones joined; without trailing blank lines. */
  text(): string {
    const buffer = this.#terminal.buffer.active;
    const lines: string[] = [];
    for (let index = 0; index < buffer.length; index++) {
      const line = buffer.getLine(index);
      const continued = buffer.getLine(index + 1)?.isWrapped === true;
      const text = line?.translateToString(!continued) ?? '';
      if (line?.isWrapped === true) lines.push((lines.pop() ?? '') + text);
      else lines.push(text);
    }
    return lines.join('\n').trimEnd();
  }

  /** Xterm loses its place now and then when its size changes, or while it is out of sight, and stays there. */
  #keepEnd(): void {
    const acted = (event: Event): void => {
      // Keys scroll with Shift, the bar with a button held.
      if (event instanceof KeyboardEvent && !event.shiftKey) return;
      if (event instanceof PointerEvent && event.buttons === 0) return;
      this.#userActedAt = performance.now();
    };
    for (const type of ['wheel', 'keydown', 'pointerdown', 'pointermove', 'touchmove'] as const)
      this.#screen.addEventListener(type, acted, { capture: true, passive: true });
    this.#terminal.onRender(() => {
      const { viewportY, baseY } = this.#terminal.buffer.active;
      if (viewportY === baseY) this.#followsEnd = true;
      else if (performance.now() - this.#userActedAt < USER_ACTS_MS) this.#followsEnd = false;
      else if (this.#followsEnd) this.#terminal.scrollToBottom();
    });
  }

  /** Xterm draws nothing while it is scrolled out of sight, and takes no notice of its height then. */
  #seen(): void {
    const { cols, rows } = this.#terminal;
    // It looks at its height only when its size changes.
    this.#terminal.resize(cols, rows + 1);
    this.#terminal.resize(cols, rows);
    this.#resize();
    if (this.#followsEnd) this.#terminal.scrollToBottom();
  }

  #resize(): void {
    // A pane that is out of sight altogether has no size to take.
    if (this.#screen.clientWidth > 0 && this.#screen.clientHeight > 0) this.#takeSize();
  }

  #takeSize(): void {
    const columnsAt = (fontSize: number): number => {
      this.#terminal.options.fontSize = fontSize;
      return this.#fit.proposeDimensions()?.cols ?? this.#minColumns;
    };
    this.#terminal.options.fontSize = fontSizeFor(this.#minColumns, columnsAt);
    this.#fit.fit();
  }

  #sizeChanged(): void {
    clearTimeout(this.#resizeTimer);
    this.#resizeTimer = setTimeout(
      () => this.#onResize(this.#terminal.cols, this.#terminal.rows),
      RESIZE_SETTLED_MS,
    );
  }

  #key(event: KeyboardEvent): boolean {
    if (isPageChord(event)) return false;
    const copies =
      event.ctrlKey &&
      ((event.shiftKey && event.code === 'KeyC') || (!event.shiftKey && event.key === 'Insert'));
    if (copies && this.#terminal.hasSelection()) {
      event.preventDefault();
      if (event.type === 'keydown') this.#copy().catch(reportError);
      return false;
    }
    // The browser pastes by itself, and xterm takes that.
    return !(event.ctrlKey && event.shiftKey && event.code === 'KeyV');
  }

  async #copy(): Promise<void> {
    const text = this.#terminal.hasSelection() ? this.#terminal.getSelection() : this.text();
    await copyText(text);
    this.focus();
  }

  async #paste(): Promise<void> {
    try {
      this.#terminal.paste(await navigator.clipboard.readText());
    } catch {
      announce('The browser does not let this page read the clipboard. Use Ctrl+V in the terminal.');
    }
    this.focus();
  }
}

function terminalOptions(options: TerminalScreenOptions): ITerminalOptions {
  return {
    convertEol: options.convertEol ?? false,
    scrollback: options.scrollback,
    fontFamily: FONT,
    fontSize: FONT_SIZE,
    lineHeight: 1.2,
    cursorBlink: false,
    minimumContrastRatio: 4.5,
    macOptionIsMeta: true,
    rescaleOverlappingGlyphs: true,
    screenReaderMode: screenReaderEnabled(),
    theme: terminalTheme(),
  };
}

const SETTING = 'screen-reader';
const listeners = new Set<(enabled: boolean) => void>();

function onScreenReaderChange(listener: (enabled: boolean) => void): void {
  listeners.add(listener);
}

/** Whether the terminals keep a text that screen readers follow. */
export function screenReaderEnabled(): boolean {
  return readSetting(SETTING) === 'on';
}

export function setScreenReader(enabled: boolean): void {
  writeSetting(SETTING, enabled ? 'on' : 'off');
  for (const listener of listeners) listener(enabled);
}
