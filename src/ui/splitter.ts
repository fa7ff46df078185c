import { h, on, readSetting, writeSetting } from './dom.ts';

export interface SplitterOptions {
  /** Its accessible name, and what it moves. */
  readonly label: string;
  /** 'vertical' divides left and right. */
  readonly orientation: 'vertical' | 'horizontal';
  /** CSS custom property of `container` that gets the first pane's share, in percent. */
  readonly property: string;
  readonly container: HTMLElement;
  readonly controls: HTMLElement;
  /** Percent. */
  readonly initial: number;
}

const MIN = 15;
const MAX = 85;
const STEP = 2;
const BIG_STEP = 10;

/** The bar between two panes: pointer, arrow keys, Home and End; a double click or Enter puts it back. */
export function splitter(options: SplitterOptions): HTMLElement {
  const { container, property, initial } = options;
  const vertical = options.orientation === 'vertical';
  const bar = h('div', {
    role: 'separator',
    tabindex: '0',
    class: `splitter ${options.orientation}`,
    'aria-label': options.label,
    'aria-orientation': options.orientation,
    'aria-controls': options.controls.id,
    'aria-valuemin': String(MIN),
    'aria-valuemax': String(MAX),
  });
  let share = initial;

  const set = (percent: number) => {
    share = Math.min(MAX, Math.max(MIN, percent));
    container.style.setProperty(property, `${share}%`);
    bar.setAttribute('aria-valuenow', String(Math.round(share)));
    writeSetting(property, String(share));
  };
  const saved = Number(readSetting(property) ?? Number.NaN);
  set(Number.isFinite(saved) ? saved : initial);

  on(bar, 'pointerdown', (event) => {
    if (event.button !== 0) return;
    event.preventDefault();
    bar.focus();
    bar.setPointerCapture(event.pointerId);
    bar.classList.add('dragging');
  });
  on(bar, 'pointermove', (event) => {
    if (!bar.hasPointerCapture(event.pointerId)) return;
    const box = container.getBoundingClientRect();
    set(
      vertical
        ? ((event.clientX - box.left) / box.width) * 100
        : ((event.clientY - box.top) / box.height) * 100,
    );
  });
  on(bar, 'lostpointercapture', () => bar.classList.remove('dragging'));
  on(bar, 'dblclick', () => set(initial));
  on(bar, 'keydown', (event) => {
    const step = event.shiftKey ? BIG_STEP : STEP;
    const moves: Readonly<Record<string, number>> = {
      [vertical ? 'ArrowLeft' : 'ArrowUp']: share - step,
      [vertical ? 'ArrowRight' : 'ArrowDown']: share + step,
      Home: MIN,
      End: MAX,
      Enter: initial,
    };
    const target = moves[event.key];
    if (target === undefined) return;
    event.preventDefault();
    set(target);
  });
  return bar;
}
