/** A virtio-serial-pci with ports, their back ends and a driver. */
import type { CharBackend, CharFrontend } from '../../src/emu/char/char-backend.ts';
import { QUIET } from '../../src/emu/core/trace.ts';
import { VirtioPci } from '../../src/emu/virtio/virtio-pci.ts';
import type { VirtioSerialProperties } from '../../src/emu/virtio/virtio-serial.ts';
import { VIRTIO_SERIAL_DEFAULTS, VirtioSerial } from '../../src/emu/virtio/virtio-serial.ts';
import { VirtioSerialPort } from '../../src/emu/virtio/virtio-serial-port.ts';
import { queueRig, VERSION_1 } from './virtio-queues.ts';

/** A back end that takes only so much, and sends when there is room. */
export class TestChar implements CharBackend {
  open: boolean;
  /** Bytes that it still takes. */
  room = Number.POSITIVE_INFINITY;
  received: number[] = [];
  input: number[] = [];
  frontend: CharFrontend | undefined;

  constructor(open = true) {
    this.open = open;
  }

  get text(): string {
    return String.fromCharCode(...this.received.splice(0));
  }

  write(bytes: Uint8Array): number {
    const taken = Math.min(bytes.length, this.room);
    this.room -= taken;
    for (const byte of bytes.subarray(0, taken)) this.received.push(byte);
    return taken;
  }

  connect(frontend: CharFrontend | undefined): void {
    this.frontend = frontend;
  }

  send(text: string): void {
    this.input.push(...new TextEncoder().encode(text));
    this.acceptInput();
  }

  acceptInput(): void {
    for (;;) {
      const room = this.frontend?.canReceive() ?? 0;
      if (room === 0 || this.input.length === 0) return;
      this.frontend?.receive(Uint8Array.from(this.input.splice(0, room)));
    }
  }

  set(open: boolean): void {
    this.open = open;
    this.frontend?.event(open ? 'opened' : 'closed');
  }

  makeRoom(bytes: number): void {
    this.room = bytes;
    this.frontend?.outputReady();
  }
}

export const MULTIPORT = 2n;
const CONTROL_DATA = 0x20000;
const CONTROL_BUFFER = 64;

export function serialRig(properties: Partial<VirtioSerialProperties> = {}, ioeventfd = true) {
  const made = queueRig(
    (memory, clock) =>
      new VirtioPci(
        { type: 'virtio-serial-pci', transitionalDeviceId: 0x1003, classCode: 0x078000 },
        new VirtioSerial({ ...VIRTIO_SERIAL_DEFAULTS, ...properties }, { memory, trace: QUIET, clock }),
        { disableLegacy: false, disableModern: false, vectors: 2, ioeventfd },
        memory,
      ),
  );
  const controller = made.card.device;
  const events: string[] = [];
  let buffers = 0;

  /** Plugs a port in as device_add does. */
  function plug(
    backend: TestChar | undefined,
    options: { isConsole?: boolean; nr?: number; name?: string } = {},
  ): VirtioSerialPort {
    const { isConsole = false, name = '' } = options;
    const nameTaken = name !== '' && controller.ports.some((port) => port.name === name);
    const nr = controller.choosePort({ isConsole, nr: options.nr, name, nameTaken });
    const port = new VirtioSerialPort(
      { isConsole, nr, name },
      { backend, trace: QUIET, onGuestOpen: (open) => events.push(`${nr} ${open}`) },
    );
    controller.plug(port);
    return port;
  }

  /** Offers control buffers, as many as the queue holds without those that are out. */
  function offerControl(count = 24): void {
    for (; count > 0; count--)
      made.postIn(2, CONTROL_DATA + CONTROL_BUFFER * (buffers++ % 32), CONTROL_BUFFER);
    made.kick(2);
  }

  /** Control messages since the last call, as hexadecimal; their buffers are offered again. */
  function control(): string[] {
    const messages = made
      .used(2)
      .map(({ head, written }) =>
        Buffer.from(made.bytes(CONTROL_DATA + CONTROL_BUFFER * (head % 32), written)).toString('hex'),
      );
    offerControl(messages.length);
    return messages;
  }

  /** Sends a control message; the answers to it. */
  function tell(id: number, event: number, value: number): string[] {
    const message = new DataView(new ArrayBuffer(8));
    message.setUint32(0, id, true);
    message.setUint16(4, event, true);
    message.setUint16(6, value, true);
    made.postOut(3, CONTROL_DATA + 0x1000, new Uint8Array(message.buffer));
    made.kick(3);
    made.used(3);
    return control();
  }

  return {
    ...made,
    controller,
    events,
    plug,
    control,
    tell,
    offerControl,
    /** A driver with MULTIPORT and the queues of ports 0 to 3. */
    begin(): void {
      buffers = 0;
      made.start([0, 1, 2, 3, 4, 5, 6, 7, 8, 9], VERSION_1 | MULTIPORT);
      offerControl();
    },
    continueAs(other: Parameters<typeof made.continueAs>[0]): void {
      made.continueAs(other);
      buffers = other.numbers.posted[2] ?? 0;
    },
  };
}
