/** `-qtest` and `-qtest-log`: the client of the qtest protocol on a channel of the host. */
import {
  type Machine,
  MonitorError,
  parseShortForm,
  type QtestOption,
  QtestSession,
  report,
  StartError,
} from '../emu/index.ts';
import type { ChannelSet } from './channel-set.ts';
import type { Channel } from './chardev.ts';
import { OutputFile } from './chardev-file.ts';
import { InputGate } from './input-gate.ts';

/** Answers that the client has not read. */
const MAX_QUEUED_BYTES = 1 << 20;

export class QtestServer {
  readonly #channel: Channel;
  readonly #log: (text: string) => void;
  readonly #closeLog: () => void;

  private constructor(channel: Channel, file: OutputFile | undefined, isSilent: boolean) {
    this.#channel = channel;
    this.#closeLog = () => file?.close();
    this.#log = (text) => {
      if (file !== undefined) file.write(Buffer.from(text, 'latin1'));
      else if (!isSilent) process.stderr.write(text, 'latin1');
    };
  }

  /** Opens the channel and the log. Rejects with StartError. */
  static async open({ spec, log }: QtestOption, set: Pick<ChannelSet, 'openAlone'>): Promise<QtestServer> {
    const channel = await openChannel(spec, set);
    // QEMU: a log that cannot be opened is no error, there is none then.
    const file = log === undefined || log === 'none' ? undefined : openLog(log);
    return new QtestServer(channel, file, log !== undefined);
  }

  /** Lets the client drive the machine. @param wake something was done that the machine may have to go on with */
  begin(machine: Machine, wake: () => void): void {
    const channel = this.#channel;
    const session = new QtestSession(
      {
        send: (text) => channel.write(Buffer.from(text, 'latin1')),
        log: this.#log,
        nowMs: () => performance.now(),
      },
      machine,
    );
    const gate = new InputGate(channel, () => channel.queuedBytes > MAX_QUEUED_BYTES);
    channel.connect({
      input: (bytes) => {
        session.input(bytes);
        gate.update();
        wake();
      },
      opened: () => session.opened(),
      closed: () => session.closed(),
      focus() {},
      sendBreak() {},
    });
  }

  close(): void {
    this.#channel.close();
    this.#closeLog();
  }
}

async function openChannel(spec: string, set: Pick<ChannelSet, 'openAlone'>): Promise<Channel> {
  const failed = `Failed to initialize device for qtest: "${spec}"`;
  try {
    const options = parseShortForm(spec, 'qtest');
    if (options === undefined) throw new MonitorError(`'${spec}' is not a valid char driver`);
    return await set.openAlone(options);
  } catch (error) {
    if (!(error instanceof MonitorError)) throw error;
    throw new StartError(`${report(error.message)}\n${report(failed)}`);
  }
}

function openLog(path: string): OutputFile | undefined {
  try {
    return new OutputFile(path, false, '');
  } catch (error) {
    if (error instanceof MonitorError) return undefined;
    throw error;
  }
}
