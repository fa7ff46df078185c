import { describe, expect, it } from 'vitest';
import type { CpuRegisters } from '../../src/emu/machine/cpu-registers.ts';
import { registersText } from '../../src/emu/machine/registers-text.ts';
import { readRecording } from '../support/replay.ts';

const NAMES = 'AX CX DX BX SP BP SI DI 8 9 10 11 12 13 14 15'.split(' ');

/** Reads QEMU's text of a processor in 64-bit mode back into numbers. */
function parse(text: string): CpuRegisters {
  const big = (pattern: string): bigint => BigInt(`0x${new RegExp(pattern).exec(text)?.[1]}`);
  const small = (pattern: string): number => Number(big(pattern));
  const table = (name: string) => ({
    base: big(`${name}= +([0-9a-f]{16})`),
    limit: small(`${name}= +\\w{16} (\\w+)`),
  });
  const bit = (name: string): boolean => text.includes(`${name}=1`);
  return {
    index: 0,
    general: NAMES.map((name) => big(`R${name} *=([0-9a-f]{16})`)),
    rip: big('RIP=(\\w+)'),
    flags: small('RFL=(\\w+)'),
    cpl: small('CPL=(\\d)'),
    interruptShadow: bit('II'),
    a20: bit('A20'),
    smm: bit('SMM'),
    halted: bit('HLT'),
    longMode: true,
    code64: true,
    segments: ['ES', 'CS', 'SS', 'DS', 'FS', 'GS', 'LDT', 'TR'].map((name) => {
      const [, selector, base, limit, attributes] =
        new RegExp(`^${name} *=(\\w{4}) (\\w{16}) (\\w{8}) (\\w{8})`, 'm').exec(text) ?? [];
      return {
        selector: Number(`0x${selector}`),
        base: BigInt(`0x${base}`),
        limit: Number(`0x${limit}`),
        attributes: Number(`0x${attributes}`),
      };
    }),
    gdt: table('GDT'),
    idt: table('IDT'),
    cr0: small('CR0=(\\w+)'),
    cr2: big('CR2=(\\w+)'),
    cr3: big('CR3=(\\w+)'),
    cr4: small('CR4=(\\w+)'),
    debug: [0, 1, 2, 3, 6, 7].map((n) => big(`DR${n}=(\\w+)`)),
    efer: small('EFER=(\\w+)'),
    kernelGs: 0n,
    fpuControl: small('FCW=(\\w+)'),
    fpuStatus: small('FSW=(\\w+)'),
    fpuTags: small('FTW=(\\w+)'),
    mxcsr: small('MXCSR=(\\w+)'),
    fpu: Array.from({ length: 8 }, (_, n) => ({
      mantissa: big(`FPR${n}=(\\w+)`),
      exponent: small(`FPR${n}=\\w+ (\\w+)`),
    })),
    xmm: Array.from({ length: 16 }, (_, n) => {
      const name = `XMM${String(n).padStart(2, '0')}`;
      return { high: big(`${name}=(\\w+)`), low: big(`${name}=\\w+ (\\w+)`) };
    }),
  };
}

describe('info registers', () => {
  it('shows a 64-bit guest as QEMU does', () => {
    const step = readRecording('registers').steps.find(
      (one) => 'line' in one && one.line === 'info registers',
    );
    const text = step !== undefined && 'output' in step ? step.output : '';
    expect(text).toContain('CS64');
    expect(registersText(parse(text))).toBe(text);
  });

  it('names the segments of protected mode', () => {
    const step = readRecording('registers').steps.find(
      (one) => 'line' in one && one.line === 'info registers',
    );
    const registers = parse(step !== undefined && 'output' in step ? step.output : '');
    const flat = { selector: 8, base: 0n, limit: 0xffff_ffff };
    const attributes = [0xcf9300, 0xcf9b00, 0xcf9700, 0x8f9300, 0xcff300, 0, 0x8200, 0x8b00];
    const lines = registersText({
      ...registers,
      longMode: false,
      code64: false,
      segments: attributes.map((one) => ({ ...flat, attributes: one })),
    }).split('\n');
    expect(lines.filter((line) => /^[A-Z]{2,3} *=0008/.test(line))).toEqual([
      'ES =0008 00000000 ffffffff 00cf9300 DPL=0 DS   [-WA]',
      'CS =0008 00000000 ffffffff 00cf9b00 DPL=0 CS32 [-RA]',
      'SS =0008 00000000 ffffffff 00cf9700 DPL=0 DS   [EWA]',
      'DS =0008 00000000 ffffffff 008f9300 DPL=0 DS16 [-WA]',
      'FS =0008 00000000 ffffffff 00cff300 DPL=3 DS   [-WA]',
      'GS =0008 00000000 ffffffff 00000000',
      'LDT=0008 00000000 ffffffff 00008200 DPL=0 LDT',
      'TR =0008 00000000 ffffffff 00008b00 DPL=0 TSS32-busy',
    ]);
  });
});
