import {
  type LineAnswer,
  type MachineStatus,
  statusWithoutMachine,
  type WorkerMessage,
} from '../workers/protocol.ts';
import { lineOfHash, showLine } from './address.ts';
import { AutomationHost } from './automation.ts';
import { h } from './dom.ts';
import { startDropTarget } from './drop-target.ts';
import { EmulatorClient } from './emulator-client.ts';
import { errorText, monitorWord, optionValue } from './format.ts';
import { isFramed } from './frame.ts';
import { GuestConsole } from './guest-console.ts';
import { Header } from './header.ts';
import { openHelp } from './help.ts';
import { ImagesPanel } from './images-panel.ts';
import { guardPage, type RiskyAction, runOrAsk } from './loss.ts';
import { type MachineDialogOptions, openMachineDialog } from './machine-dialog.ts';
import { MonitorPane } from './monitor-pane.ts';
import { Notices } from './notices.ts';
import { Pad } from './pad.ts';
import { type FocusTarget, type Region, startShortcuts } from './shortcuts.ts';
import { splitter } from './splitter.ts';
import { Story } from './story.ts';

const BAD_ADDRESS = 'The address of this page names a machine that cannot be made.';

/** The page: header, guest console, monitor, images, and the worker behind them. */
export class App {
  readonly elements: readonly HTMLElement[];
  readonly #client: EmulatorClient;
  readonly #header: Header;
  readonly #notices = new Notices(
    () => this.#focus('controls'),
    () => this.#setOutside(true),
  );
  readonly #console = new GuestConsole(
    (bytes) => this.#client.serialInput(bytes),
    (text) => this.#automation.consoleText(text),
    (size) => this.#client.post({ type: 'size', size }),
  );
  readonly #monitor = new MonitorPane((to, text) => this.#client.post({ type: 'text', to, text }));
  readonly #images: ImagesPanel;
  readonly #automation: AutomationHost;
  readonly #story: Story;
  #status: MachineStatus = statusWithoutMachine('loading');
  /** Whether the guest has written data that no flush has stored yet. */
  #unsaved = false;
  /** The command line of the machine, once there is one. */
  #line: string | undefined;
  /** The same as the address names it: not at all, when it is the default one. */
  #named: string | undefined;
  #defaultLine = '';
  /** Closes the dialog with the command line. */
  #closeDialog: () => void = () => {};

  constructor(guestUrl: string) {
    this.#client = new EmulatorClient(
      guestUrl,
      (message) => this.#receive(message),
      (reason) => this.#workerFailed(reason),
      lineOfHash(location.hash) === undefined,
    );
    const { api } = this.#client;
    this.#header = new Header({
      start: () => api.start(),
      pause: () => api.pause(),
      reset: () => this.#reset(),
      coldBoot: () => this.#coldBoot(),
      powerButton: () => api.powerButton(),
      // Without a machine the line that made none is there to be mended.
      machine: () =>
        this.#openMachine({ line: this.#line ?? lineOfHash(location.hash) ?? this.#defaultLine }),
      shutIn: () => this.#setOutside(false),
      help: openHelp,
    });
    this.#images = new ImagesPanel(this.#client, {
      proposeDrive: (path, id) =>
        this.#monitor.propose(`drive_add 0 if=none,file=${optionValue(path)},format=raw,id=${id}`),
      propose: ([first = '', ...others]) => this.#monitor.propose(first, ...others),
      proposeSnapshot: (tag) => this.#monitor.propose(`loadvm ${monitorWord(tag)}`),
      notices: this.#notices,
      listed: (images, machine) => this.#story.setImages(images, machine),
    });
    this.#story = new Story({
      monitor: (command) => this.#monitor.propose(command),
      guest: (command) => this.#console.propose(command),
      images: () => this.#images.focus(),
    });
    this.#monitor.top.append(this.#story.element, new Pad((request) => api.qmp(request)).element);
    const { terminals } = this.#monitor;
    this.#automation = new AutomationHost({
      console: this.#console.screen,
      monitor: terminals.monitor.screen,
      qmpShell: terminals.qmp.screen,
      shell: this.#console.shell,
      api,
      status: () => this.#status,
    });
    this.elements = [
      this.#header.element,
      this.#notices.element,
      this.#workspace(),
      this.#dropTarget(),
      terminalHelp(),
    ];
  }

  /** Call when the elements are in the page. */
  start(): void {
    this.#console.screen.open();
    this.#monitor.open();
    this.#images.refresh();
    startShortcuts(
      (target) => this.#focus(target),
      () => this.#focusedRegion(),
    );
    guardPage(() => this.#unsaved || this.#images.uploading);
    this.#tellFaults();
    this.#startAddress();
    // The last chance to store what the guest wrote; what it flushed is stored anyway.
    window.addEventListener('pagehide', () => {
      this.#client.api.flushImages().catch(() => {});
    });
    // In a frame the keyboard stays with the page around it until the reader clicks or tabs into this one.
    if (!isFramed()) this.#console.screen.focus();
  }

  #reset(): Promise<void> {
    return this.#runOrAsk({
      title: 'Reset the machine?',
      text: 'Reset starts Linux again at once, as the button on a PC does.',
      submit: 'Reset',
      run: () => this.#client.api.reset(),
    });
  }

  #coldBoot(): Promise<void> {
    return this.#runOrAsk({
      title: 'Throw this machine away?',
      text: 'Cold boot switches on a new machine, in which nothing is plugged.',
      submit: 'Cold boot',
      run: () => this.#client.api.coldBoot(),
    });
  }

  /** The machine that the address names is the first one; one that is named later is asked for. */
  #startAddress(): void {
    const line = lineOfHash(location.hash);
    if (line !== undefined) this.#bootNamed(line).catch(reportError);
    window.addEventListener('hashchange', () => {
      const named = lineOfHash(location.hash) ?? this.#defaultLine;
      if (named === this.#line || this.#line === undefined) return;
      this.#openNamed(named, 'The address of this page was changed to name this machine.').catch(reportError);
    });
  }

  async #bootNamed(line: string): Promise<void> {
    const outcome = await this.#client.api.checkLine(line);
    if (this.#status.state === 'failed') return;
    if (outcome.ok) {
      await this.#bootLine(line, outcome.isDefault);
      return;
    }
    // Nothing is on its way before the reader has decided.
    this.#console.booting(undefined, true);
    this.#openMachine({ line, answer: outcome, reason: BAD_ADDRESS });
  }

  async #openNamed(line: string, reason: string): Promise<void> {
    const outcome = await this.#client.api.checkLine(line);
    this.#openMachine({ line, reason, answer: outcome.ok ? undefined : outcome });
  }

  /** A line that turns out to start no machine is shown again, with what is wrong with it. */
  async #bootLine(line: string, isDefault: boolean): Promise<void> {
    const answer = await this.#client.bootLine(line, isDefault);
    if (answer !== undefined) this.#openMachine({ line, answer });
  }

  #openMachine(options: Pick<MachineDialogOptions, 'line' | 'reason' | 'answer'>): void {
    this.#closeDialog();
    this.#closeDialog = openMachineDialog({
      ...options,
      defaultLine: this.#defaultLine,
      submitted: (line, close) => this.#submitLine(line, close),
      cancelled: () => this.#keepMachine(),
    });
  }

  async #submitLine(line: string, close: () => void): Promise<LineAnswer | undefined> {
    const outcome = await this.#client.api.checkLine(line);
    if (!outcome.ok) return outcome;
    await this.#runOrAsk({
      title: 'Throw this machine away?',
      text: 'OK switches on the machine of the command line, in which nothing is plugged.',
      submit: 'Switch on',
      run: async () => {
        close();
        this.#bootLine(line, outcome.isDefault).catch(reportError);
      },
    });
    return undefined;
  }

  /** The address names the machine that there is; when there is none yet, the default one is started. */
  #keepMachine(): void {
    if (this.#line === undefined) this.#bootLine(this.#defaultLine, true).catch(reportError);
    else showLine(this.#named);
  }

  async #runOrAsk(action: RiskyAction): Promise<void> {
    const { drives } = await this.#client.api.machineDrives();
    await runOrAsk(action, this.#status.state, drives);
  }

  /** A fault of the page itself becomes a notice, as a fault of the emulator does. */
  #tellFaults(): void {
    const tell = (error: unknown): void => {
      const text = `The page has a fault of its own: ${errorText(error)}.`;
      const report = error instanceof Error ? error.stack : undefined;
      this.#notices.show({ level: 'error', text, report });
    };
    // Without an error it is no fault: browsers say so that a ResizeObserver goes on in the next frame.
    window.addEventListener('error', ({ error }) => {
      if (error instanceof Error) tell(error);
    });
    window.addEventListener('unhandledrejection', ({ reason }) => tell(reason));
  }

  #workspace(): HTMLElement {
    const side = h('div', { class: 'side', id: 'side' });
    const workspace = h('main', { class: 'workspace' });
    side.append(
      this.#monitor.element,
      splitter({
        label: 'Height of the monitor',
        orientation: 'horizontal',
        property: '--monitor-share',
        container: side,
        controls: this.#monitor.element,
        initial: 64,
      }),
      this.#images.element,
    );
    workspace.append(
      this.#console.element,
      splitter({
        label: 'Width of the guest console',
        orientation: 'vertical',
        property: '--console-share',
        container: workspace,
        controls: this.#console.element,
        initial: 53,
      }),
      side,
    );
    return workspace;
  }

  #dropTarget(): HTMLElement {
    return startDropTarget(
      {
        images: (files) => this.#images.add(files),
        stick: (files) => this.#images.addStick(files),
      },
      (text) => this.#notices.show({ level: 'warning', text }),
    );
  }

  #receive(message: WorkerMessage): void {
    switch (message.type) {
      case 'serial': {
        const { length } = message.bytes;
        this.#console.output(message.bytes, () => this.#client.post({ type: 'shown', bytes: length }));
        break;
      }
      case 'text': {
        const { from, text } = message;
        this.#monitor.output(from, text, () =>
          this.#client.post({ type: 'text-shown', from, length: text.length }),
        );
        break;
      }
      case 'event':
        this.#automation.qmpEvent(message.event);
        this.#client.post({ type: 'event-taken' });
        break;
      case 'status':
        this.#setStatus(message.status);
        if (message.status.state === 'failed') this.#console.booting(undefined, true);
        break;
      case 'boot':
        this.#console.booting(message.progress, message.failed === true);
        break;
      case 'guest':
        this.#defaultLine = message.guest.defaultLine;
        this.#header.setGuest(message.guest);
        break;
      case 'machine':
        this.#line = message.line;
        this.#named = message.isDefault ? undefined : message.line;
        showLine(this.#named);
        this.#automation.machineMade();
        break;
      case 'hardware':
        this.#header.setHardware(message.hardware);
        this.#story.setHardware(message.hardware);
        break;
      case 'notice':
        this.#notices.show(message.notice);
        break;
      case 'images':
        this.#images.refresh();
        break;
      case 'outside':
        this.#header.setOutside(message.isAllowed);
        break;
      case 'unsaved':
        this.#unsaved = message.unsaved;
        break;
      case 'follows':
        this.#console.setFollows(message.follows);
        break;
    }
  }

  /** Nothing but the reader's own hand comes here: no address and no script of the page. */
  #setOutside(isAllowed: boolean): void {
    this.#client.post({ type: 'outside', isAllowed });
  }

  #setStatus(status: MachineStatus): void {
    this.#status = status;
    this.#header.setStatus(status);
    this.#automation.status(status);
  }

  #workerFailed(reason: string): void {
    this.#setStatus(statusWithoutMachine('failed'));
    this.#console.booting(undefined, true);
    const text = `The emulator could not be started: ${reason}.`;
    this.#notices.show({ level: 'error', text, detail: 'Load the page again.' });
  }

  #focus(target: FocusTarget): void {
    switch (target) {
      case 'controls':
        this.#header.focus();
        break;
      case 'console':
        this.#console.screen.focus();
        break;
      case 'monitors':
        this.#monitor.focus();
        break;
      case 'monitor':
      case 'qmp':
        this.#monitor.show(target);
        this.#monitor.focus();
        break;
      case 'images':
        this.#images.focus();
        break;
    }
  }

  #focusedRegion(): Region {
    const active = document.activeElement;
    if (this.#monitor.element.contains(active)) return 'monitors';
    if (this.#images.element.contains(active)) return 'images';
    return this.#header.element.contains(active) ? 'controls' : 'console';
  }
}

function terminalHelp(): HTMLElement {
  return h(
    'p',
    { id: 'terminal-help', class: 'visually-hidden' },
    'Keys go to the terminal, Tab too. Control Alt 0 leaves it; Control Alt 1, 2, 3 and 4 go to the guest console, the monitor, the disk images and QMP.',
  );
}
