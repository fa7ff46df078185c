import type { ITheme } from '@xterm/xterm';
import { h, on, readSetting, writeSetting } from './dom.ts';

const CHOICES = { system: 'System', light: 'Light', dark: 'Dark' } as const;
type Choice = keyof typeof CHOICES;

const isChoice = (value: string | undefined): value is Choice => value !== undefined && value in CHOICES;
const darkQuery = matchMedia('(prefers-color-scheme: dark)');
const listeners = new Set<() => void>();
let choice: Choice = 'system';

/** Whether the page is dark now. */
export function isDark(): boolean {
  return choice === 'system' ? darkQuery.matches : choice === 'dark';
}

/** Calls back on every change between dark and light. */
export function onThemeChange(listener: () => void): void {
  listeners.add(listener);
}

function apply(): void {
  document.documentElement.setAttribute('data-theme', isDark() ? 'dark' : 'light');
  for (const listener of listeners) listener();
}

/** Takes up the choice of the last visit; call before the first paint. */
export function startTheme(): void {
  const saved = readSetting('theme');
  if (isChoice(saved)) choice = saved;
  darkQuery.addEventListener('change', apply);
  apply();
}

/** System, light or dark. */
export function themeSelect(): HTMLElement {
  const select = h('select', { 'aria-label': 'Theme', class: 'select' });
  for (const [value, text] of Object.entries(CHOICES)) select.append(h('option', { value }, text));
  select.value = choice;
  on(select, 'change', () => {
    if (isChoice(select.value)) choice = select.value;
    writeSetting('theme', choice);
    apply();
  });
  return select;
}

const LIGHT: ITheme = {
  background: '#fcfcfd',
  foreground: '#1c2430',
  cursor: '#0f5c66',
  cursorAccent: '#fcfcfd',
  selectionBackground: '#bcdfe2',
  black: '#1c2430',
  red: '#b3261e',
  green: '#1b6e3c',
  yellow: '#7a5900',
  blue: '#1d4fb8',
  magenta: '#8a2a8f',
  cyan: '#0b6670',
  white: '#5b6675',
  brightBlack: '#5b6675',
  brightRed: '#c8372d',
  brightGreen: '#237d48',
  brightYellow: '#8a6500',
  brightBlue: '#2a62d4',
  brightMagenta: '#9c3ba1',
  brightCyan: '#0f7782',
  brightWhite: '#1c2430',
};
const DARK: ITheme = {
  background: '#0d1218',
  foreground: '#d8dfe8',
  cursor: '#6fd3c7',
  cursorAccent: '#0d1218',
  selectionBackground: '#27484f',
  black: '#1b232d',
  red: '#f28b82',
  green: '#7fd19b',
  yellow: '#e5c568',
  blue: '#8ab4f8',
  magenta: '#d7a1e0',
  cyan: '#6fd3d9',
  white: '#c9d2dd',
  brightBlack: '#7b8794',
  brightRed: '#ffa79f',
  brightGreen: '#9de3b5',
  brightYellow: '#f4d98a',
  brightBlue: '#aecbff',
  brightMagenta: '#e6bdec',
  brightCyan: '#97e6ea',
  brightWhite: '#ffffff',
};

/** The terminals' colours under the present theme. */
export function terminalTheme(): ITheme {
  return isDark() ? DARK : LIGHT;
}
