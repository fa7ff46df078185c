/** Serial ports on a USB, packet by packet: what their recorded session (tests/golden/usb) does not show. */
import { describe, expect, it } from 'vitest';
import type { CharBackend, CharFrontend } from '../../src/emu/char/char-backend.ts';
import { UsbSerial } from '../../src/emu/usb/usb-serial.ts';
import { deviceContract } from '../support/device-contract.ts';
import { given, inPort, offer, USB_SETTINGS, usbRequest } from '../support/usb-rig.ts';
import { disturbWith, IN, OUT, pattern } from '../support/usb-storage-rig.ts';

/** A back end whose other end is the test. */
class TestEnd implements CharBackend {
  open = true;
  frontend: CharFrontend | undefined;
  readonly sent: number[] = [];
  room = Number.POSITIVE_INFINITY;

  write(bytes: Uint8Array): number {
    const taken = bytes.subarray(0, Math.min(this.room, bytes.length));
    this.sent.push(...taken);
    this.room -= taken.length;
    return taken.length;
  }
  connect(frontend: CharFrontend | undefined): void {
    this.frontend = frontend;
  }
  acceptInput(): void {}
}

function serialPort(alwaysPlugged = false) {
  const backend = new TestEnd();
  const serial = inPort(new UsbSerial({ backend, alwaysPlugged }, USB_SETTINGS));
  backend.connect(serial);
  return { backend, serial };
}

deviceContract(
  'usb-serial',
  () =>
    inPort(new UsbSerial({ backend: new TestEnd(), alwaysPlugged: false }, USB_SETTINGS), {
      attached: false,
    }),
  (serial) =>
    disturbWith(serial, {
      ...{ received: new Uint8Array(496).fill(65), receiveAt: 490, receivedBytes: 12, eventCharacter: 1 },
      ...{ errorCharacter: 2, breakCame: true, flowControl: 4, xon: 17, xoff: 19, latency: 16, taken: 5 },
    }),
  (serial) => [1, 2, 3].map(() => [...given(offer(serial, IN, 16))]),
  ['attached'],
);

describe('usb-serial', () => {
  it('carries what comes in packets with a header for each 64 bytes', () => {
    const { serial } = serialPort();
    expect(offer(serial, IN, 64).status).toBe('nak');
    expect(serial.canReceive()).toBe(496);
    serial.receive(pattern(496));
    expect(serial.canReceive()).toBe(0);
    const first = given(offer(serial, IN, 128));
    expect([...first.subarray(0, 3), ...first.subarray(64, 67)]).toEqual([
      0xb1,
      0,
      0,
      0xb1,
      0,
      pattern(63)[62],
    ]);
    expect(serial.canReceive()).toBe(124);
    serial.receive(pattern(124));
    let rest = 0;
    for (let packet = offer(serial, IN, 64); packet.status === 'success'; packet = offer(serial, IN, 64)) {
      rest += packet.packet.actual - 2;
    }
    expect(rest).toBe(496);
    serial.event('break');
    expect([...given(offer(serial, IN, 64))]).toEqual([0xb1, 0x10]);
    expect(usbRequest(serial, 0x40, 0, 1, 0, 0, 0, 0, 0)).toBe('success');
  });

  it('waits for its back end, also in a machine that is restored', () => {
    const { serial, backend } = serialPort();
    backend.room = 10;
    const waiting = offer(serial, OUT, pattern(25));
    expect([waiting.status, offer(serial, OUT, pattern(3)).status]).toEqual(['async', 'nak']);
    backend.room = 8;
    serial.outputReady();
    expect(waiting.status).toBe('async');
    const other = serialPort();
    other.serial.restore(serial.save());
    expect(offer(other.serial, OUT, pattern(25)).status).toBe('success');
    expect(Uint8Array.from([...backend.sent, ...other.backend.sent])).toEqual(pattern(25));
    backend.room = 100;
    serial.outputReady();
    expect(waiting.status).toBe('success');
  });

  it('is seen while somebody is at its other end', () => {
    const { serial } = serialPort();
    expect([serial.attached, serial.attachesItself]).toEqual([true, true]);
    serial.event('closed');
    expect([serial.attached, serial.canReceive()]).toEqual([false, 0]);
    serial.event('opened');
    expect(serial.attached).toBe(true);
    const plugged = serialPort(true);
    plugged.serial.event('closed');
    expect(plugged.serial.attached).toBe(true);
  });
});
