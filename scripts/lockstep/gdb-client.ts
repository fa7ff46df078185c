/**
 * GDB remote serial protocol, as far as stepping a vCPU needs it.
 * Spec: Debugging with GDB, appendix "GDB Remote Serial Protocol".
 */
import { connect, type Socket } from 'node:net';
import { decodeRegisters, type GuestRegisters, REGISTER_BYTES } from './registers.ts';

const ACK = '+';
const CHUNK_BYTES = 0x400;

export function checksum(text: string): string {
  let sum = 0;
  for (let i = 0; i < text.length; i++) sum = (sum + text.charCodeAt(i)) & 0xff;
  return sum.toString(16).padStart(2, '0');
}

/** Undoes run-length encoding and escapes. */
export function unpack(payload: string): string {
  let text = '';
  for (let i = 0; i < payload.length; i++) {
    const c = payload[i];
    if (c === '}') {
      i++;
      text += String.fromCharCode(payload.charCodeAt(i) ^ 0x20);
    } else if (c === '*') {
      i++;
      text += text[text.length - 1].repeat(payload.charCodeAt(i) - 29);
    } else text += c;
  }
  return text;
}

export class GdbClient {
  readonly #socket: Socket;
  #received = '';
  #waiting: ((payload: string) => void) | undefined;
  #failed: ((error: Error) => void) | undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.setEncoding('latin1');
    socket.on('data', (data) => this.#take(String(data)));
    socket.on('close', () => this.#failed?.(new Error('the debug stub closed the connection')));
    socket.on('error', (error) => this.#failed?.(error));
  }

  /** Connects to a stub that listens at a Unix socket. Rejects when nothing listens. */
  static async connect(path: string): Promise<GdbClient> {
    const socket = connect(path);
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    const client = new GdbClient(socket);
    /* Without the target description QEMU sends no control registers. */
    await client.request('qSupported:xmlRegisters=i386');
    await client.request('qXfer:features:read:target.xml:0,ffb');
    return client;
  }

  #take(data: string): void {
    this.#received += data;
    const start = this.#received.indexOf('$');
    const end = this.#received.indexOf('#', start);
    if (start < 0 || end < 0 || this.#received.length < end + 3) return;
    const payload = this.#received.slice(start + 1, end);
    this.#received = this.#received.slice(end + 3);
    this.#socket.write(ACK, 'latin1');
    const resolve = this.#waiting;
    this.#waiting = undefined;
    resolve?.(unpack(payload));
  }

  /** Sends one packet and waits for its answer. */
  request(payload: string): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#waiting = resolve;
      this.#failed = reject;
      this.#socket.write(`$${payload}#${checksum(payload)}`, 'latin1');
    });
  }

  async registers(): Promise<GuestRegisters> {
    const hex = await this.request('g');
    if (hex.length < 2 * REGISTER_BYTES) throw new Error(`registers: "${hex.slice(0, 20)}"`);
    return decodeRegisters(Buffer.from(hex, 'hex'));
  }

  /** Executes one instruction. */
  async step(): Promise<void> {
    const reason = await this.request('s');
    if (!/^[ST]05/.test(reason)) throw new Error(`step: "${reason}"`);
  }

  /** Bytes at a linear address (or physical, after `physicalMemory`); shorter where nothing is mapped. */
  async readMemory(address: bigint, length: number): Promise<Uint8Array> {
    const parts: Buffer[] = [];
    for (let done = 0; done < length; done += CHUNK_BYTES) {
      const size = Math.min(CHUNK_BYTES, length - done);
      const hex = await this.request(`m${(address + BigInt(done)).toString(16)},${size.toString(16)}`);
      if (hex.startsWith('E')) break;
      parts.push(Buffer.from(hex, 'hex'));
    }
    return Uint8Array.from(Buffer.concat(parts));
  }

  /** QEMU: whether memory addresses are physical. */
  async physicalMemory(on: boolean): Promise<void> {
    await this.request(`Qqemu.PhyMemMode:${on ? 1 : 0}`);
  }

  /** QEMU: while stepping, virtual time goes on, but no interrupt is taken. */
  async stepWithoutInterrupts(): Promise<void> {
    const answer = await this.request('Qqemu.sstep=3');
    if (answer !== 'OK') throw new Error(`sstep: "${answer}"`);
  }

  close(): void {
    this.#failed = undefined;
    this.#socket.destroy();
  }
}
