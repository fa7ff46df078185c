import { describe, expect, it } from 'vitest';
import {
  BUDGET,
  CPL,
  CR0,
  CR3_LO,
  CR4,
  CR4_PAE,
  EA_LO,
  EFER,
  EFER_LMA,
  EFER_LME,
  EFER_SCE,
  EFLAGS,
  FLAG_IF,
  FLAG_OF,
  LSTAR_HI,
  LSTAR_LO,
  MODE,
  MODE_CODE32,
  MODE_CODE64,
  MODE_LONG,
  MODE_REAL,
  NEXT_HI,
  NEXT_LO,
  RAX,
  RBP,
  RCX,
  RDI,
  RDX,
  RIP_HI,
  RIP_LO,
  RSP,
  SEG_CS,
  SEG_LIMIT,
  SEG_SELECTOR,
  SEG_SS,
  SEG_TR,
  SFMASK,
  SHADOW,
  STAR_HI,
} from '../../src/emu/cpu/state.ts';
import { SYSTEM_OPS, type SystemOpName } from '../../src/emu/cpu/system/system-ops.ts';
import { VcpuRig } from '../support/vcpu-rig.ts';

const TSS = 0x3000;

function run(rig: VcpuRig, op: SystemOpName, size: number, imm = 0, imm2 = 0, reg = 0, rm = -1): void {
  SYSTEM_OPS[op].run(rig.cpu, size, reg, rm, imm, imm2);
}

function protectedRig(cpl: number): VcpuRig {
  const rig = new VcpuRig();
  rig.protectedMode(cpl);
  rig.S[RSP] = 0x8000;
  rig.S[NEXT_LO] = 0x1236;
  rig.setSegment(SEG_TR, 0x40, 0x8b00, 0x67, TSS);
  rig.poke32(TSS + 4, 0x9000);
  rig.poke32(TSS + 8, 0x10);
  return rig;
}

const cs = (rig: VcpuRig): number => rig.S[SEG_CS + SEG_SELECTOR] ?? -1;

describe('far transfers', () => {
  it('go from real through protected to 64-bit mode', () => {
    const rig = new VcpuRig();
    const { S } = rig;
    rig.protectedMode(0);
    S[CR0] = 0x10;
    rig.cpu.updateMode();
    for (const [page, entry] of [
      [0x10000, 0x11003],
      [0x11000, 0x12003],
      [0x12000, 0x83],
    ] as const)
      rig.poke64(page, entry, 0);
    S[RAX] = 0x11;
    run(rig, 'movToCr', 32, 0, 0, 0, 0);
    expect((S[MODE] ?? 0) & MODE_REAL).toBe(0);
    run(rig, 'farJmpImm', 32, 0x2000, 8);
    expect([cs(rig), S[RIP_LO], (S[MODE] ?? 0) & MODE_CODE32]).toEqual([8, 0x2000, MODE_CODE32]);
    S[CR4] = CR4_PAE;
    S[CR3_LO] = 0x10000;
    S[EFER] = EFER_LME;
    S[RAX] = 0x80000011 | 0;
    run(rig, 'movToCr', 32, 0, 0, 0, 0);
    expect([S[EFER], (S[MODE] ?? 0) & (MODE_LONG | MODE_CODE64)]).toEqual([EFER_LME | EFER_LMA, MODE_LONG]);
    run(rig, 'farJmpImm', 32, 0x3000, 0x28);
    expect((S[MODE] ?? 0) & MODE_CODE64).toBe(MODE_CODE64);
    S[RAX] = 0x11;
    run(rig, 'movToCr', 64, 0, 0, 0, 0);
    expect(rig.takeFault()).toEqual([13, 0]);
  });

  it('CALL far and RETF n keep the stack', () => {
    const rig = protectedRig(0);
    run(rig, 'farCallImm', 32, 0x5000, 8);
    expect([rig.S[RIP_LO], rig.S[RSP], rig.peek32(0x7ff8), rig.peek32(0x7ffc)]).toEqual([
      0x5000, 0x7ff8, 0x1236, 8,
    ]);
    run(rig, 'retFar', 32, 4);
    expect([rig.S[RIP_LO], rig.S[RSP]]).toEqual([0x1236, 0x8004]);
  });

  it('refuse selectors, and change nothing', () => {
    const rig = protectedRig(3);
    for (const [selector, vector, error] of [
      [0, 13, 0],
      [0x08, 13, 8],
      [0x23, 13, 0x20],
      [0x200, 13, 0x200],
    ] as const) {
      run(rig, 'farCallImm', 32, 0x5000, selector);
      expect(rig.takeFault()).toEqual([vector, error]);
    }
    expect([cs(rig), rig.S[RSP]]).toEqual([0x1b, 0x8000]);
  });

  it('a call gate switches stacks and copies parameters; RETF n comes back', () => {
    const rig = protectedRig(3);
    rig.gdt(9, 0x00085678, 0x0000ec02);
    rig.poke32(0x8000, 0x111);
    rig.poke32(0x8004, 0x222);
    run(rig, 'farCallImm', 32, 0, 0x4b);
    expect([cs(rig), rig.S[RIP_LO], rig.S[CPL], rig.S[RSP]]).toEqual([8, 0x5678, 0, 0x9000 - 24]);
    expect([0, 4, 8, 12, 16, 20].map((at) => rig.peek32(0x9000 - 24 + at))).toEqual([
      0x1236, 0x1b, 0x111, 0x222, 0x8000, 0x23,
    ]);
    run(rig, 'retFar', 32, 8);
    expect([cs(rig), rig.S[RIP_LO], rig.S[CPL], rig.S[RSP], rig.S[SEG_SS + SEG_SELECTOR]]).toEqual([
      0x1b, 0x1236, 3, 0x8008, 0x23,
    ]);
  });

  it('say that they do not switch tasks', () => {
    const rig = protectedRig(0);
    rig.gdt(9, 0x00000067, 0x00008900);
    run(rig, 'farJmpImm', 32, 0, 0x48);
    expect(rig.takeFault()).toEqual([13, 0x48]);
    expect(rig.messages).toEqual(['cpu: far transfer to a task']);
  });
});

describe('SYSCALL and SYSRET', () => {
  it('enter and leave 64-bit code', () => {
    const rig = new VcpuRig();
    const { S } = rig;
    rig.protectedMode(3, EFER_LME | EFER_LMA | EFER_SCE);
    S[STAR_HI] = 0x00230010;
    S[LSTAR_LO] = 0x1000;
    S[LSTAR_HI] = -1;
    S[SFMASK] = FLAG_IF;
    S[EFLAGS] = FLAG_IF | 2;
    S[NEXT_LO] = 0x1236;
    S[NEXT_HI] = 0x7fff;
    run(rig, 'syscall', 64);
    expect([cs(rig), S[SEG_SS + SEG_SELECTOR], S[CPL], S[RIP_LO], S[RIP_HI]]).toEqual([
      0x10, 0x18, 0, 0x1000, -1,
    ]);
    expect([S[RCX], S[RCX + 1], S[22], S[EFLAGS]]).toEqual([0x1236, 0x7fff, 0x202, 2]);
    run(rig, 'sysret', 64);
    expect([cs(rig), S[SEG_SS + SEG_SELECTOR], S[CPL], S[RIP_LO], S[RIP_HI]]).toEqual([
      0x33, 0x2b, 3, 0x1236, 0x7fff,
    ]);
    expect(S[EFLAGS]).toBe(0x202);
    expect((S[MODE] ?? 0) & MODE_CODE64).toBe(MODE_CODE64);
  });

  it('are #UD without EFER.SCE, and SYSENTER is in long mode', () => {
    const rig = new VcpuRig();
    rig.protectedMode(0, EFER_LME | EFER_LMA);
    run(rig, 'syscall', 64);
    expect(rig.takeFault()?.[0]).toBe(6);
    run(rig, 'sysenter', 64);
    expect(rig.takeFault()?.[0]).toBe(6);
  });
});

describe('flags and interrupts', () => {
  it('STI casts a shadow when it sets IF; CLI and STI obey IOPL', () => {
    const rig = protectedRig(0);
    run(rig, 'sti', 32);
    expect([rig.S[SHADOW], (rig.S[EFLAGS] ?? 0) & FLAG_IF]).toEqual([1, FLAG_IF]);
    const user = protectedRig(3);
    run(user, 'cli', 32);
    expect(user.takeFault()).toEqual([13, 0]);
  });

  it('POPF changes IF and IOPL only with the right to', () => {
    const rig = protectedRig(3);
    rig.poke32(0x8000, 0xffffffff);
    run(rig, 'popf', 32);
    expect(rig.cpu.readFlags() >>> 0).toBe(0x244dd7);
    const kernel = protectedRig(0);
    kernel.poke32(0x8000, 0x3202 | FLAG_OF);
    run(kernel, 'popf', 32);
    expect(kernel.cpu.readFlags()).toBe(0x3a02);
    run(kernel, 'pushf', 16);
    expect(kernel.peek32(kernel.S[RSP] ?? 0) & 0xffff).toBe(0x3a02);
  });

  it('ENTER nests', () => {
    const rig = protectedRig(0);
    rig.S[RBP] = 0x8800;
    rig.poke32(0x87fc, 0xaaaa);
    run(rig, 'enter', 32, 0x10, 2);
    expect([rig.S[RBP], rig.S[RSP]]).toEqual([0x7ffc, 0x7ff4 - 0x10]);
    expect([0x7ffc, 0x7ff8, 0x7ff4].map((at) => rig.peek32(at))).toEqual([0x8800, 0xaaaa, 0x7ffc]);
  });
});

describe('port I/O', () => {
  it('follows IOPL and the permission bitmap', () => {
    const rig = protectedRig(3);
    rig.poke32(TSS + 0x64, 0x00680000);
    run(rig, 'in', 8, 0x60);
    expect(rig.takeFault()).toEqual([13, 0]);
    rig.S[SEG_TR + SEG_LIMIT] = 0x67 + 0x40;
    rig.poke32(TSS + 0x68 + 12, 0xfffffffe);
    rig.host.answer = 0x5a;
    rig.S[RAX] = -1;
    run(rig, 'in', 8, 0x60);
    expect([rig.takeFault(), rig.S[RAX]]).toEqual([undefined, 0xffffff5a | 0]);
    run(rig, 'in', 16, 0x60);
    expect(rig.takeFault()).toEqual([13, 0]);
  });

  it('REP INS stops when the budget ends, to go on later, and faults before it reads the port', () => {
    const rig = protectedRig(0);
    const { S } = rig;
    rig.host.answer = 0x1234;
    S[RDX] = 0x1f0;
    S[RCX] = 5;
    S[RDI] = 0x6000;
    S[RIP_LO] = 0x1234;
    S[BUDGET] = 2;
    run(rig, 'ins', 16, 1, 32);
    expect([S[RCX], S[RDI], S[NEXT_LO]]).toEqual([2, 0x6006, 0x1234]);
    S[NEXT_LO] = 0x1236;
    S[BUDGET] = 100;
    run(rig, 'ins', 16, 1, 32);
    expect([S[RCX], S[RDI], S[NEXT_LO], rig.host.log.length]).toEqual([0, 0x600a, 0x1236, 5]);
    S[RCX] = 2;
    rig.setSegment(64, 0, 0, 0);
    run(rig, 'ins', 16, 1, 32);
    expect([rig.takeFault(), rig.host.log.length]).toEqual([[13, 0], 5]);
  });
});

it('fuzz: every instruction with random operands in random modes ends without an exception of ours', () => {
  const names = Object.keys(SYSTEM_OPS) as SystemOpName[];
  let seed = 99;
  const random = (below: number): number => {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
    return (seed >>> 8) % below;
  };
  const word = (): number => (random(65536) << 16) | random(65536);
  for (let round = 0; round < 200; round++) {
    const rig = random(2) === 0 ? protectedRig(random(2) * 3) : new VcpuRig();
    if (random(3) === 0) rig.protectedMode(random(2) * 3, EFER_LME | EFER_LMA | EFER_SCE);
    for (let i = 0; i < 0x100; i += 4)
      rig.poke32(0x1000 + i, random(3) === 0 ? word() : rig.peek32(0x1000 + i));
    for (let i = 0; i < 60; i++) {
      for (let register = 0; register < 32; register++) {
        rig.S[register] = random(2) === 0 ? random(0x10000) : word();
      }
      rig.S[EA_LO] = random(2) === 0 ? random(0x10000) : word();
      rig.S[BUDGET] = random(20);
      const name = names[random(names.length)] ?? 'ud';
      const size = [8, 16, 32, 64][random(4)] ?? 32;
      const segment = (8 + random(6)) << 8;
      SYSTEM_OPS[name].run(
        rig.cpu,
        size,
        name === 'pushSeg' || name === 'popSeg' ? random(6) : random(16),
        /[CD]r$/.test(name) ? random(16) : random(17) - 1,
        name === 'loadFarPointer' ? ([0, 2, 3, 4, 5][random(5)] ?? 0) : name === 'ins' ? 1 : random(0x10000),
        name === 'outs' ? segment | 32 : random(64),
      );
      rig.takeFault();
      expect(structuredClone(rig.cpu.processor.save()).words.length).toBe(rig.S.length);
    }
  }
});
