/** A QEMU that runs one instruction at a time and writes each one's registers to a pipe. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { closeSync, constants, existsSync, openSync, readFileSync, readSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { GdbClient } from './gdb-client.ts';

const QEMU = 'qemu-system-x86_64';
const PIPE_BYTES = 1 << 18;
const WAIT_MS = 20;
const EMPTY_MS = 0.2;
/** What `log` is told: registers and events, or only that an instruction ran. */
const FULL_TRACE = 'cpu,exec,int,nochain,trace:memory_region_ops_read';
const COUNT_TRACE = 'exec,nochain';

interface QmpAnswer {
  readonly return?: unknown;
  readonly error?: { readonly desc: string };
  readonly event?: string;
}

class Qmp {
  readonly #socket: Socket;
  #received = '';
  readonly #waiting: ((answer: QmpAnswer) => void)[] = [];

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (data) => this.#take(String(data)));
  }

  static async connect(path: string): Promise<Qmp> {
    const socket = connect(path);
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    const qmp = new Qmp(socket);
    await qmp.execute('qmp_capabilities');
    return qmp;
  }

  /** @throws Error with QEMU's text */
  async execute(command: string, parameters: Readonly<Record<string, unknown>> = {}): Promise<unknown> {
    const answer = await new Promise<QmpAnswer>((resolve) => {
      this.#waiting.push(resolve);
      this.#socket.write(`${JSON.stringify({ execute: command, arguments: parameters })}\n`);
    });
    if (answer.error !== undefined) throw new Error(`${command}: ${answer.error.desc}`);
    return answer.return;
  }

  close(): void {
    this.#socket.destroy();
  }

  #take(text: string): void {
    const lines = (this.#received + text).split('\n');
    this.#received = lines.pop() ?? '';
    for (const line of lines) {
      const answer: QmpAnswer = JSON.parse(line);
      if (answer.return !== undefined || answer.error !== undefined) this.#waiting.shift()?.(answer);
    }
  }
}

export interface TracedQemuOptions {
  /** For sockets, the pipe and the guest's RAM. */
  readonly folder: string;
  readonly memoryMiB: number;
  /** Nanoseconds of guest time for an instruction: 2 to this power. */
  readonly icountShift: number;
  readonly args: readonly string[];
}

export class TracedQemu {
  readonly #child: ChildProcess;
  readonly #folder: string;
  readonly #gdb: GdbClient;
  readonly #qmp: Qmp;
  readonly #pipe: number;
  readonly #ram: number;
  readonly #chunk = Buffer.alloc(PIPE_BYTES);
  readonly #pause = new Int32Array(new SharedArrayBuffer(4));

  private constructor(child: ChildProcess, folder: string, gdb: GdbClient, qmp: Qmp) {
    this.#child = child;
    this.#folder = folder;
    this.#gdb = gdb;
    this.#qmp = qmp;
    // Opened for writing too: no end of file, and no wait for the other side.
    this.#pipe = openSync(join(folder, 'trace'), constants.O_RDWR | constants.O_NONBLOCK);
    this.#ram = openSync(join(folder, 'ram'), 'r');
  }

  /** Starts it, stopped before the first instruction. */
  static async start({ folder, memoryMiB, icountShift, args }: TracedQemuOptions): Promise<TracedQemu> {
    const path = (name: string): string => join(folder, name);
    spawnSync('mkfifo', [path('trace')]);
    const ram = `memory-backend-file,id=ram,size=${memoryMiB}M,share=on,mem-path=${path('ram')}`;
    const child = spawn(
      QEMU,
      [
        ...['-machine', 'pc,memory-backend=ram', '-object', ram, '-m', String(memoryMiB)],
        ...['-nodefaults', '-display', 'none', '-icount', `shift=${icountShift},sleep=off`, '-S'],
        ...['-gdb', `unix:${path('gdb')},server=on,wait=off`],
        ...['-qmp', `unix:${path('qmp')},server=on,wait=off`],
        ...args,
      ],
      // Not in the terminal's group: Ctrl-C is for us.
      { stdio: ['ignore', 'ignore', 'inherit'], detached: true },
    );
    while (!existsSync(path('gdb')) || !existsSync(path('qmp'))) {
      if (child.exitCode !== null) throw new Error(`${QEMU} ended with status ${child.exitCode}`);
      await sleep(WAIT_MS);
    }
    const gdb = await GdbClient.connect(path('gdb'));
    return new TracedQemu(child, folder, gdb, await Qmp.connect(path('qmp')));
  }

  /** Runs at full speed until RIP is `address`. */
  async runTo(address: bigint): Promise<void> {
    // Packets about earlier stops must be here before the next answer.
    await sleep(WAIT_MS);
    const breakpoint = `1,${address.toString(16)},1`;
    if ((await this.#gdb.request(`Z${breakpoint}`)) !== 'OK') throw new Error('no breakpoint');
    const reason = await this.#gdb.request('c');
    if (!/^[ST]05/.test(reason)) throw new Error(`continue: "${reason}"`);
    await this.#gdb.request(`z${breakpoint}`);
  }

  /** Runs at full speed for some seconds of real time. */
  async runFor(seconds: number): Promise<void> {
    await this.#qmp.execute('cont');
    await sleep(1000 * seconds);
    await this.#qmp.execute('stop');
  }

  /** The vCPU and all devices as a migration stream; the guest must be stopped. */
  async stream(): Promise<Buffer> {
    const file = join(this.#folder, 'stream');
    const capability = { capability: 'x-ignore-shared', state: true };
    await this.#qmp.execute('migrate-set-capabilities', { capabilities: [capability] });
    await this.#qmp.execute('migrate', { uri: `exec:cat > ${file}` });
    for (;;) {
      const { status } = (await this.#qmp.execute('query-migrate')) as { status?: string };
      if (status === 'completed') break;
      if (status === 'failed') throw new Error('the state of QEMU could not be saved');
      await sleep(WAIT_MS);
    }
    return readFileSync(file);
  }

  /** The registers as the monitor shows them, FPU and SSE included. */
  async registers(): Promise<string> {
    return String(await this.#qmp.execute('human-monitor-command', { 'command-line': 'info registers' }));
  }

  /** Fills `target` with guest RAM from address 0 on. */
  readRam(target: Uint8Array): void {
    for (let at = 0; at < target.length; ) {
      const count = readSync(this.#ram, target, at, target.length - at, at);
      if (count === 0) throw new Error("QEMU's RAM ends too early");
      at += count;
    }
  }

  /** From now on each instruction is in the trace: with its registers, or only counted. */
  async trace(kind: 'full' | 'count' | 'none'): Promise<void> {
    await this.#monitor('singlestep on');
    await this.#monitor('log none');
    if (kind === 'none') return;
    await this.#monitor(`logfile ${join(this.#folder, 'trace')}`);
    await this.#monitor(`log ${kind === 'full' ? FULL_TRACE : COUNT_TRACE}`);
  }

  async continue(): Promise<void> {
    await this.#qmp.execute('cont');
  }

  /** Gives the next piece of the trace to `take`; waits a little when there is none. */
  read(take: (bytes: Buffer) => void): void {
    if (this.#readPiece(take)) return;
    if (this.#child.exitCode !== null) throw new Error(`${QEMU} ended`);
    Atomics.wait(this.#pause, 0, 0, EMPTY_MS);
  }

  /** Stops the guest between two instructions, after giving all of the trace to `take`. */
  async stop(take: (bytes: Buffer) => void): Promise<void> {
    let stopped = false;
    const stopping = this.#qmp.execute('stop').then(() => {
      stopped = true;
    });
    while (!stopped) {
      this.#readPiece(take);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await stopping;
    while (this.#readPiece(take));
  }

  /** Ends QEMU and removes its RAM. */
  async end(): Promise<void> {
    this.#gdb.close();
    this.#qmp.close();
    const ended = new Promise((resolve) => this.#child.once('exit', resolve));
    if (this.#child.exitCode === null && this.#child.kill('SIGKILL')) await ended;
    closeSync(this.#pipe);
    closeSync(this.#ram);
    rmSync(this.#folder, { recursive: true });
  }

  #readPiece(take: (bytes: Buffer) => void): boolean {
    let count: number;
    try {
      count = readSync(this.#pipe, this.#chunk);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return false;
      throw error;
    }
    take(this.#chunk.subarray(0, count));
    return count > 0;
  }

  async #monitor(line: string): Promise<void> {
    const output = await this.#qmp.execute('human-monitor-command', { 'command-line': line });
    if (output !== '') throw new Error(`${line}: ${String(output).trim()}`);
  }
}
