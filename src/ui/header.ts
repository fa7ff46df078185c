import {
  type GuestDescription,
  type MachineHardware,
  type MachineStatus,
  type PageState,
  statusWithoutMachine,
} from '../workers/protocol.ts';
import { announceUnseen } from './announcer.ts';
import { button } from './button.ts';
import { h } from './dom.ts';
import { formatBytes } from './format.ts';
import { icon } from './icons.ts';
import { themeSelect } from './theme.ts';

export interface HeaderActions {
  start(): Promise<void>;
  pause(): Promise<void>;
  reset(): Promise<void>;
  coldBoot(): Promise<void>;
  powerButton(): Promise<void>;
  machine(): void;
  /** The guest is not to reach the world outside any more. */
  shutIn(): void;
  help(): void;
}

const STATE_TEXT: Readonly<Record<PageState, string>> = {
  loading: 'Loading',
  failed: 'Not started',
  prelaunch: 'Ready',
  running: 'Running',
  paused: 'Paused',
  debug: 'Stopped by a debugger',
  suspended: 'Sleeping',
  shutdown: 'Powered off',
  'io-error': 'Disk error',
  'internal-error': 'Stopped by a fault',
  'guest-panicked': 'Guest has crashed',
  watchdog: 'Stopped by its watchdog',
};

const MIB = 2 ** 20;
const INTERPRETER_ONLY = 'interpreter only: this page’s policy forbids compiled code';

/** Name, what the machine does, and what can be done to it. */
export class Header {
  readonly element: HTMLElement;
  readonly #subtitle = h('span', { class: 'subtitle' });
  readonly #brand = h('div', { class: 'brand' }, icon('plug'), h('h1', {}, 'Hotslot'), this.#subtitle);
  readonly #state = h('span', { class: 'badge', 'data-state': 'loading' }, STATE_TEXT.loading);
  /** What the machine is made of. */
  readonly #hardware = h('span', { class: 'hardware' });
  /** Of it, what costs the tab memory now. */
  readonly #held = h('span', { class: 'held', title: 'Memory that this tab holds for the guest' });
  readonly #mips = h('span', { class: 'mips', title: 'Millions of guest instructions per second' });
  readonly #policy = h('span', { class: 'policy', role: 'status' });
  readonly #start: HTMLButtonElement;
  readonly #pause: HTMLButtonElement;
  readonly #reset: HTMLButtonElement;
  readonly #coldBoot: HTMLButtonElement;
  readonly #power: HTMLButtonElement;
  readonly #machine: HTMLButtonElement;
  /** Seen while the guest reaches the world outside. */
  readonly #outside: HTMLButtonElement;

  constructor(actions: HeaderActions) {
    this.#start = button('Start', { icon: 'play', class: 'primary' }, () => actions.start());
    this.#pause = button('Pause', { icon: 'pause' }, () => actions.pause());
    this.#reset = button('Reset', { icon: 'reset' }, () => actions.reset());
    this.#coldBoot = button(
      'Cold boot',
      { icon: 'cold', label: 'Cold boot: a new machine, from its first instruction' },
      () => actions.coldBoot(),
    );
    this.#power = button('Power', { icon: 'power', label: 'Press the power button' }, () =>
      actions.powerButton(),
    );
    this.#machine = button('Machine…', { icon: 'chip', label: 'Machine… the command line of this PC' }, () =>
      actions.machine(),
    );
    this.#outside = button(
      'Outside',
      { icon: 'globe', label: 'The guest reaches the world outside of this page. Shut it in' },
      () => actions.shutIn(),
    );
    this.#outside.hidden = true;
    this.element = h(
      'header',
      { class: 'app-header', id: 'controls' },
      this.#brand,
      h('div', { class: 'machine-state' }, this.#state, this.#hardware, this.#held, this.#mips, this.#policy),
      h(
        'div',
        { class: 'machine-controls', role: 'group', 'aria-label': 'Machine' },
        this.#start,
        this.#pause,
        this.#reset,
        this.#coldBoot,
        this.#power,
        this.#machine,
      ),
      h(
        'div',
        { class: 'page-controls' },
        this.#outside,
        themeSelect(),
        button('Help', { icon: 'help', class: 'quiet' }, () => actions.help()),
      ),
    );
    this.setStatus(statusWithoutMachine('loading'));
  }

  focus(): void {
    for (const candidate of [
      this.#pause,
      this.#start,
      ...this.element.querySelectorAll<HTMLElement>('select'),
    ]) {
      if (candidate.hidden || candidate.matches(':disabled')) continue;
      candidate.focus();
      return;
    }
  }

  setGuest({ kernelRelease }: GuestDescription): void {
    this.#subtitle.textContent = `Linux ${kernelRelease}`;
    // Where there is no room for it.
    this.#brand.title = this.#subtitle.textContent;
  }

  setHardware({ processors, processorsMax, memoryBytes }: MachineHardware): void {
    const cpus = processorsMax === 1 ? '1 CPU' : `${processors} of ${processorsMax} CPUs`;
    const text = `${cpus} · ${formatBytes(memoryBytes)}`;
    const before = this.#hardware.textContent;
    if (before !== '' && before !== text) announceUnseen(`Machine: ${text}`);
    this.#hardware.textContent = text;
  }

  /** Whether the guest reaches the world outside of the page. */
  setOutside(isAllowed: boolean): void {
    if (this.#outside.hidden !== isAllowed) return;
    // A button that goes leaves the focus nowhere.
    if (document.activeElement === this.#outside) this.focus();
    this.#outside.hidden = !isAllowed;
    announceUnseen(isAllowed ? 'The guest reaches the world outside' : 'The guest is shut in');
  }

  setStatus({ state, mips, interpreterOnly, heldMemoryBytes }: MachineStatus): void {
    const text = STATE_TEXT[state];
    if (this.#state.textContent !== text) announceUnseen(`Machine: ${text}`);
    this.#state.textContent = text;
    this.#state.setAttribute('data-state', state);
    this.#mips.textContent =
      state === 'running' ? `${mips < 10 ? mips.toFixed(1) : Math.round(mips)} MIPS` : '';
    this.#held.textContent = heldMemoryBytes > 0 ? `${Math.round(heldMemoryBytes / MIB)} MiB held` : '';
    if (interpreterOnly && this.#policy.textContent === '') this.#policy.textContent = INTERPRETER_ONLY;
    const exists = state !== 'loading' && state !== 'failed';
    const running = state === 'running' || state === 'suspended';
    this.#swap(running);
    this.#start.disabled = !exists;
    this.#pause.disabled = !exists;
    this.#reset.disabled = !exists;
    this.#coldBoot.disabled = !exists;
    this.#power.disabled = !running;
    this.#machine.disabled = state === 'loading';
  }

  /** Shows either Start or Pause. When the button that is hidden had the focus, the other one gets it. */
  #swap(running: boolean): void {
    const hadFocus = document.activeElement === this.#start || document.activeElement === this.#pause;
    this.#start.hidden = running;
    this.#pause.hidden = !running;
    if (hadFocus) (running ? this.#pause : this.#start).focus();
  }
}
