import type { MachineStatus } from '../workers/protocol.ts';
import type { TerminalScreen } from './terminal-screen.ts';

/** One terminal for scripts. */
export interface AutomationTerminal {
  /** What it shows, scroll-back included. */
  text(): string;
  /** As if typed. */
  type(text: string): void;
}

/** `window.hotslot`: for demos and tests that drive the page. Described in docs/embedding.md. */
export interface Automation {
  readonly version: 1;
  readonly console: AutomationTerminal;
  readonly monitor: AutomationTerminal;
  /** QMP's terminal, beside the monitor's. */
  readonly qmpShell: AutomationTerminal;
  status(): MachineStatus;
}

declare global {
  interface Window {
    hotslot?: Automation;
  }
}

/** Gives scripts of this page what a user has: two terminals and the state. */
export function startAutomation(
  console: TerminalScreen,
  monitor: TerminalScreen,
  qmpShell: TerminalScreen,
  status: () => MachineStatus,
): void {
  const terminal = (pane: TerminalScreen): AutomationTerminal => ({
    text: () => pane.text(),
    type: (text) => pane.type(text),
  });
  window.hotslot = {
    version: 1,
    console: terminal(console),
    monitor: terminal(monitor),
    qmpShell: terminal(qmpShell),
    status,
  };
}
