import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { classify } from '../../scripts/lockstep/instruction-class.ts';
import { TraceParser } from '../../scripts/lockstep/trace-parser.ts';
import * as at from '../../scripts/lockstep/trace-state.ts';
import { deviceFields } from '../../scripts/lockstep/vm-state.ts';

/** Pieces of a boot of the guest image, as QEMU 7.2 wrote them. */
const TRACE = readFileSync(join(import.meta.dirname, '../golden/lockstep/trace.txt'));

function hex(state: Int32Array, index: number): string {
  const word = (n: number): string => ((state[n] ?? 0) >>> 0).toString(16).padStart(8, '0');
  return word(index + 1) + word(index);
}

/** Each event as one line; registers of each block. */
function parse(pieceBytes: number): { events: string[]; states: Int32Array[] } {
  const events: string[] = [];
  const states: Int32Array[] = [];
  const parser = new TraceParser({
    instruction: (state) => {
      states.push(state.slice());
      events.push(`at ${hex(state, at.AT_RIP)}`);
    },
    rewound: () => events.push('rewound'),
    deviceRead: (value, size) => events.push(`read ${value.toString(16)} of ${size} bytes`),
    interrupt: () => events.push('interrupt'),
    exception: (vector, error, state) =>
      events.push(`vector ${vector.toString(16)} error ${error} at ${hex(state, at.AT_RIP)}`),
  });
  for (let start = 0; start < TRACE.length; start += pieceBytes) {
    parser.push(TRACE.subarray(start, start + pieceBytes));
  }
  return { events, states };
}

describe('a recorded trace', () => {
  const EVENTS = [
    'at 0000000001000850',
    'at 0000000001000851',
    'at ffffffff83079246',
    'vector e error 0 at ffffffff83079246',
    'at ffffffff8307907e',
    'interrupt',
    'vector ec error 0 at ffffffff819d7115',
    'at ffffffff81c00ef0',
    'at ffffffff8107c41a',
    'rewound',
    'at ffffffff8107c41a',
    'read 2fe522f8 of 4 bytes',
    'at ffffffff8107c41c',
  ];

  test.each([TRACE.length, 4096, 100, 1])('its events, in pieces of %i bytes', (pieceBytes) => {
    expect(parse(pieceBytes).events).toEqual(EVENTS);
  });

  test('registers of a block in protected mode', () => {
    const state = parse(TRACE.length).states[0] ?? new Int32Array(0);
    expect(state[at.AT_LONG]).toBe(0);
    expect(state.slice(0, 16)).toEqual(
      Int32Array.of(0, 0, 0x1000850, 0, 0x518, 0, 0x21e0, 0, 0x6edc, 0, 0, 0, 0x11c0, 0, 0x6ef4, 0),
    );
    expect(state[at.AT_FLAGS]).toBe(6);
    const cs = at.AT_SEGMENTS + at.SEGMENT_WORDS;
    expect(state.slice(cs, cs + 5)).toEqual(Int32Array.of(8, 0, 0, -1, 0xcf9a00));
    expect(state.slice(at.AT_GDTR, at.AT_GDTR + 3)).toEqual(Int32Array.of(0xc0118, 0, 0x27));
    expect(state[at.AT_IDTR + 2]).toBe(0x3ff);
    expect(state[at.AT_CR0]).toBe(0x11);
  });

  test('registers of a block in 64-bit mode', () => {
    const state = parse(TRACE.length).states.at(-1) ?? new Int32Array(0);
    const text = TRACE.toString('latin1').slice(TRACE.lastIndexOf('RAX='));
    const said = (name: string): string => new RegExp(`${name} ?=([0-9a-f]+)`).exec(text)?.[1] ?? '';
    at.GPR_NAMES.forEach((name, n) => {
      expect(hex(state, 2 * n), name).toBe(said(name.toUpperCase()));
    });
    expect(state[at.AT_LONG]).toBe(1);
    expect(hex(state, at.AT_CR2)).toBe(said('CR2'));
    expect(hex(state, at.AT_CR3)).toBe(said('CR3'));
    expect((state[at.AT_CR4] ?? 0) >>> 0).toBe(Number.parseInt(said('CR4'), 16));
    expect((state[at.AT_EFER] ?? 0) >>> 0).toBe(Number.parseInt(said('EFER'), 16));
    const gs = /GS =([0-9a-f]+) ([0-9a-f]+)/.exec(text) ?? [];
    expect(hex(state, at.AT_SEGMENTS + 5 * at.SEGMENT_WORDS + 1)).toBe(gs[2]);
  });
});

describe('instructions whose results are not compared as they are', () => {
  const cases: readonly [string, string, string, number][] = [
    ['0f31', 'rdtsc', '0f 31', 0],
    ['0f01f9', 'rdtscp', '0f 01 f9', 0],
    ['0fa2', 'cpuid', '0f a2', 0],
    ['0f32', 'rdmsr', '0f 32', 0],
    ['f348ab', 'repeat', 'ab', 0],
    ['48ab', 'plain', 'ab', 0],
    ['f390', 'plain', '90', 0],
    ['48c1e805', 'plain', 'c1 /5', 0x811],
    ['48d1e8', 'plain', 'd1 /5', 0x10],
    ['4883e001', 'plain', '83 /4', 0x10],
    ['4883c001', 'plain', '83', 0],
    ['f7e1', 'plain', 'f7 /4', 0xd4],
    ['0fbcc1', 'plain', '0f bc', 0x895],
  ];
  test.each(cases)('%s', (code, kind, name, undefinedFlags) => {
    expect(classify(Buffer.from(code, 'hex'), true)).toEqual({ kind, name, undefinedFlags });
  });

  test('REX prefixes are INC and DEC outside of 64-bit code', () => {
    expect(classify(Buffer.from('48ab', 'hex'), false).name).toBe('48');
  });
});

describe('the state of a stopped QEMU', () => {
  const header = (name: string): Buffer => {
    const bytes = Buffer.alloc(6 + name.length + 8);
    bytes[0] = 4;
    bytes[5] = name.length;
    bytes.write(name, 6, 'latin1');
    return bytes;
  };
  const description = {
    page_size: 4096,
    devices: [
      {
        name: 'cpu',
        fields: [
          { name: 'env.regs', size: 8, array_len: 2 },
          { name: 'env.pat', size: 4 },
        ],
      },
    ],
  };
  const stream = Buffer.concat([
    header('cpu_common'),
    Buffer.alloc(7),
    header('cpu'),
    Buffer.from('0000000000000001000000000000000200070406', 'hex'),
    Buffer.from(JSON.stringify(description)),
  ]);

  test('fields are where the description says', () => {
    const fields = deviceFields(stream, 'cpu');
    expect(fields.get('env.regs')?.toString('hex')).toBe('00000000000000010000000000000002');
    expect(fields.get('env.pat')?.toString('hex')).toBe('00070406');
  });

  test('a device that is not there', () => {
    expect(() => deviceFields(stream, 'apic')).toThrow('no device "apic"');
    expect(() => deviceFields(Buffer.alloc(10), 'cpu')).toThrow('no description');
  });
});
