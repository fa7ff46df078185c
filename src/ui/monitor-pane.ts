import { ENDPOINTS, type EndpointName, eachEndpoint } from '../workers/protocol.ts';
import { h, on, readSetting, writeSetting } from './dom.ts';
import { LineTerminal } from './line-terminal.ts';
import { pane } from './pane.ts';
import { Tabs } from './tabs.ts';

const NAMES: Readonly<Record<EndpointName, { readonly tab: string; readonly terminal: string }>> = {
  monitor: { tab: 'Monitor', terminal: 'Monitor' },
  qmp: { tab: 'QMP', terminal: 'QMP shell' },
};
const SETTING = 'monitor-tab';

/** QEMU's monitors, of which one is seen: the human monitor, and QMP. */
export class MonitorPane {
  readonly element: HTMLElement;
  /** Between title bar and terminals. */
  readonly top = h('div', { class: 'pane-top' });
  readonly terminals: Readonly<Record<EndpointName, LineTerminal>>;
  readonly #tabs: Tabs;
  #shown: EndpointName = 'monitor';

  constructor(send: (to: EndpointName, text: string) => void) {
    this.terminals = eachEndpoint(
      (name) => new LineTerminal(NAMES[name].terminal, (text) => send(name, text)),
    );
    const screens = ENDPOINTS.map((name) => this.terminals[name].screen);
    const tabs = ENDPOINTS.map((id) => ({
      id,
      title: NAMES[id].tab,
      panel: this.terminals[id].screen.element,
    }));
    this.#tabs = new Tabs('Monitors', tabs, undefined, (id) => this.#chosen(id));
    // Who clicks with a mouse wants to type; keys move among the tabs, and a finger would call up a keyboard that hides half the page.
    let pointer = '';
    on(this.#tabs.list, 'pointerdown', ({ pointerType }) => {
      pointer = pointerType;
    });
    on(this.#tabs.list, 'click', ({ detail }) => {
      if (detail > 0 && pointer === 'mouse') this.focus();
    });
    this.element = pane(
      'monitor',
      'Monitor',
      [
        h('h2', { class: 'visually-hidden' }, 'Monitor'),
        this.#tabs.list,
        ...screens.map(({ actions }) => actions),
      ],
      this.top,
      h('div', { class: 'terminal-stack' }, ...screens.map(({ element }) => element)),
    );
    this.show(endpointOf(readSetting(SETTING)));
  }

  /** Call when the element is in the page. */
  open(): void {
    for (const name of ENDPOINTS) this.terminals[name].screen.open();
  }

  /** @param shown called when the terminal has taken the text, seen or not */
  output(from: EndpointName, text: string, shown: () => void): void {
    this.terminals[from].output(text, shown);
  }

  /** Puts a command on the input line of the human monitor; `others` follow, one by one. */
  propose(command: string, ...others: readonly string[]): void {
    this.show('monitor');
    this.terminals.monitor.propose(command, ...others);
  }

  show(name: EndpointName): void {
    this.#shown = name;
    this.#tabs.select(name);
    for (const other of ENDPOINTS) this.terminals[other].screen.actions.hidden = other !== name;
  }

  /** Gives the keyboard to the terminal that is seen. */
  focus(): void {
    this.terminals[this.#shown].screen.focus();
  }

  #chosen(id: string): void {
    writeSetting(SETTING, id);
    this.show(endpointOf(id));
  }
}

function endpointOf(id: string | undefined): EndpointName {
  return ENDPOINTS.find((name) => name === id) ?? 'monitor';
}
