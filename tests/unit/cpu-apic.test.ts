import { describe, expect, it } from 'vitest';
import { EventQueue } from '../../src/emu/core/clock.ts';
import type { AccessSize } from '../../src/emu/core/device.ts';
import { QUIET } from '../../src/emu/core/trace.ts';
import { ApicBusHub } from '../../src/emu/cpu/apic/apic-bus.ts';
import { LocalApic } from '../../src/emu/cpu/apic/local-apic.ts';
import { APIC_BASE_LO, ATTENTION, HALTED, RIP_LO, SEG_BASE_LO, SEG_CS } from '../../src/emu/cpu/state.ts';
import { deviceContract } from '../support/device-contract.ts';
import { VcpuRig } from '../support/vcpu-rig.ts';

class ApicRig {
  readonly hub = new ApicBusHub();
  readonly cpus: VcpuRig[] = [];
  readonly apics: LocalApic[] = [];
  now = 0;
  readonly clock = new EventQueue(() => this.now);

  constructor(count: number) {
    for (let i = 0; i < count; i++) {
      const rig = new VcpuRig({ apicId: i, sockets: 1, cores: count, threads: 1 });
      const apic = new LocalApic(rig.cpu.processor, rig.host, this.hub, this.clock, QUIET, { apicId: i });
      rig.cpu.processor.apic = apic;
      this.hub.add(apic);
      this.cpus.push(rig);
      this.apics.push(apic);
    }
  }

  apic(i: number): LocalApic {
    const apic = this.apics[i];
    if (apic === undefined) throw new Error('no such APIC');
    return apic;
  }

  cpu(i: number): VcpuRig {
    const cpu = this.cpus[i];
    if (cpu === undefined) throw new Error('no such CPU');
    return cpu;
  }

  write(i: number, register: number, value: number): void {
    this.apic(i).write(register << 4, 4, value);
  }

  read(i: number, register: number): number {
    return this.apic(i).read(register << 4, 4);
  }

  enable(): this {
    this.apics.forEach((_, i) => {
      this.write(i, 0x0f, 0x1ff);
    });
    return this;
  }

  fixed(dest: number, vector: number, level = false, logical = false): void {
    this.hub.deliver({ dest, logical, delivery: 0, vector, level });
  }

  advance(ns: number): void {
    this.now += ns;
    this.clock.runDue();
  }
}

describe('priorities', () => {
  it('delivers the highest vector above PPR and nests', () => {
    const rig = new ApicRig(1).enable();
    rig.fixed(0, 0x41);
    rig.fixed(0, 0x52);
    const apic = rig.apic(0);
    expect(apic.pending()).toBe(true);
    expect(rig.cpu(0).S[ATTENTION]).toBe(1);
    expect(apic.acknowledge()).toBe(0x52);
    expect(rig.read(0, 0x0a)).toBe(0x50);
    expect(apic.pending()).toBe(false);
    rig.fixed(0, 0x63);
    expect(apic.acknowledge()).toBe(0x63);
    rig.write(0, 0x0b, 0);
    expect(apic.pending()).toBe(false);
    rig.write(0, 0x0b, 0);
    expect(apic.acknowledge()).toBe(0x41);
    rig.write(0, 0x0b, 0);
    expect(apic.acknowledge()).toBe(-1);
  });

  it('holds back classes up to TPR, which is CR8', () => {
    const rig = new ApicRig(1).enable();
    const apic = rig.apic(0);
    apic.writeCr8(5);
    expect(rig.read(0, 0x08)).toBe(0x50);
    rig.fixed(0, 0x5f);
    expect(apic.pending()).toBe(false);
    rig.fixed(0, 0x60);
    expect(apic.pending()).toBe(true);
    expect(apic.readCr8()).toBe(5);
  });

  it('broadcasts the EOI of level interrupts only', () => {
    const rig = new ApicRig(1).enable();
    rig.fixed(0, 0x31, true);
    rig.fixed(0, 0x42);
    rig.apic(0).acknowledge();
    rig.write(0, 0x0b, 0);
    rig.apic(0).acknowledge();
    rig.write(0, 0x0b, 0);
    expect(rig.cpu(0).host.log).toEqual(['eoi 31']);
  });

  it('gives nothing while software-disabled, and keeps what came', () => {
    const rig = new ApicRig(1);
    rig.fixed(0, 0x31);
    expect(rig.apic(0).pending()).toBe(false);
    rig.enable();
    expect(rig.apic(0).acknowledge()).toBe(0x31);
  });

  it('reports illegal vectors and registers in ESR', () => {
    const rig = new ApicRig(1).enable();
    rig.fixed(0, 3);
    expect(rig.read(0, 0x7f)).toBe(0);
    rig.write(0, 0x28, 0);
    expect(rig.read(0, 0x28)).toBe(0xc0);
    rig.write(0, 0x28, 0);
    expect(rig.read(0, 0x28)).toBe(0);
  });
});

describe('destinations', () => {
  it('knows physical, broadcast, flat and cluster addressing, and lowest priority', () => {
    const rig = new ApicRig(3).enable();
    const got = (): number[] => rig.apics.map((apic) => apic.acknowledge());
    rig.fixed(1, 0x30);
    expect(got()).toEqual([-1, 0x30, -1]);
    rig.fixed(0xff, 0x40);
    expect(got()).toEqual([0x40, 0x40, 0x40]);
    for (let i = 0; i < 3; i++) rig.write(i, 0x0d, 1 << (24 + i));
    rig.fixed(6, 0x50, false, true);
    expect(got()).toEqual([-1, 0x50, 0x50]);
    for (let i = 0; i < 3; i++) {
      rig.write(i, 0x0e, 0x0fffffff);
      rig.write(i, 0x0d, (0x11 + i * 0x10) << 24);
    }
    rig.fixed(0x21, 0x60, false, true);
    expect(got()).toEqual([-1, 0x60, -1]);
    rig.hub.deliver({ dest: 0xff, logical: false, delivery: 1, vector: 0x70, level: false });
    expect(got()).toEqual([0x70, -1, -1]);
    rig.hub.send(0xfee02000, 0x80);
    expect(got()).toEqual([-1, -1, 0x80]);
  });

  it('sends by ICR with shorthands', () => {
    const rig = new ApicRig(3).enable();
    const got = (): number[] => rig.apics.map((apic) => apic.acknowledge());
    rig.write(0, 0x31, 2 << 24);
    rig.write(0, 0x30, 0x4030);
    expect(got()).toEqual([-1, -1, 0x30]);
    rig.write(1, 0x30, 0x44041);
    expect(got()).toEqual([-1, 0x41, -1]);
    rig.write(0, 0x30, 0xc4052);
    expect(got()).toEqual([-1, 0x52, 0x52]);
    rig.write(0, 0x30, 0x84082);
    expect(got()).toEqual([0x82, 0x82, 0x82]);
  });

  it('starts a processor by INIT and SIPI, and carries NMI', () => {
    const rig = new ApicRig(2).enable();
    const ap = rig.cpu(1);
    expect(ap.S[HALTED]).toBe(2);
    rig.write(0, 0x31, 1 << 24);
    rig.write(0, 0x30, 0xc500);
    rig.write(0, 0x30, 0x8500);
    rig.write(0, 0x30, 0x4609);
    rig.write(0, 0x30, 0x460a);
    ap.cpu.serviceEvents();
    expect([ap.S[HALTED], ap.S[SEG_CS + SEG_BASE_LO], ap.S[RIP_LO]]).toEqual([0, 0x9000, 0]);
    expect(rig.read(1, 0x0f)).toBe(0xff);
    rig.write(0, 0x30, 0x460b);
    ap.cpu.serviceEvents();
    expect(ap.S[SEG_CS + SEG_BASE_LO]).toBe(0x9000);
    rig.write(0, 0x30, 0x4400);
    expect(ap.cpu.takeNmi()).toBe(true);
    expect(ap.cpu.takeNmi()).toBe(false);
  });
});

it('the APIC page is where the running processor has its APIC', () => {
  const { hub, ...rig } = new ApicRig(2);
  const [first, second] = rig.apics;
  if (first === undefined || second === undefined) throw new Error('no such APIC');
  second.writeBase(0xfed8_0000 | 0x800, 0);
  const places: number[] = [];
  hub.mapped({ move: (gpa) => places.push(gpa) });
  hub.select(second);
  first.writeBase(0xfed9_0000 | 0x800, 0);
  hub.follow();
  hub.select(first);
  expect(places).toEqual([0xfee0_0000, 0xfed8_0000, 0xfed8_0000, 0xfed9_0000]);
});

describe('virtual wire', () => {
  it('passes the 8259 through LINT0 as ExtINT, or past a disabled APIC', () => {
    const rig = new ApicRig(1);
    const apic = rig.apic(0);
    rig.cpu(0).host.vector = 0x08;
    apic.lint0.set(true);
    expect(apic.pending()).toBe(false);
    rig.write(0, 0x35, 0x8700);
    expect(apic.pending()).toBe(true);
    expect(apic.acknowledge()).toBe(8);
    rig.write(0, 0x35, 0x18700);
    expect(apic.pending()).toBe(false);
    apic.writeBase(0xfee00000 | 0, 0);
    expect(apic.pending()).toBe(true);
    expect((rig.cpu(0).S[APIC_BASE_LO] ?? 0) >>> 0).toBe(0xfee00100);
    apic.lint0.set(false);
    expect(apic.pending()).toBe(false);
  });
});

describe('timer', () => {
  it('counts down once, at 1 GHz divided', () => {
    const rig = new ApicRig(1).enable();
    rig.write(0, 0x3e, 0xb);
    rig.write(0, 0x32, 0x40);
    rig.write(0, 0x38, 100);
    rig.advance(40);
    expect(rig.read(0, 0x39)).toBe(60);
    rig.advance(61);
    expect(rig.apic(0).acknowledge()).toBe(0x40);
    expect(rig.read(0, 0x39)).toBe(0);
    expect(rig.clock.nextDeadlineNs()).toBe(Number.POSITIVE_INFINITY);
  });

  it('repeats in periodic mode and is silent when masked', () => {
    const rig = new ApicRig(1).enable();
    rig.write(0, 0x3e, 0x3);
    rig.write(0, 0x32, 0x20040);
    rig.write(0, 0x38, 9);
    for (let i = 0; i < 3; i++) {
      rig.advance(160);
      expect(rig.apic(0).acknowledge()).toBe(0x40);
      rig.write(0, 0x0b, 0);
    }
    rig.write(0, 0x32, 0x30040);
    rig.advance(1000);
    expect(rig.apic(0).pending()).toBe(false);
  });
});

it('fuzz: any access of any size is answered, and the state stays plain', () => {
  const rig = new ApicRig(2);
  let seed = 12345;
  const random = (below: number): number => {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
    return (seed >>> 8) % below;
  };
  const sizes: readonly AccessSize[] = [1, 2, 4];
  for (let i = 0; i < 10000; i++) {
    const size = sizes[random(3)] ?? 4;
    const offset = random(0x1000);
    if (random(2) === 0) rig.apic(random(2)).write(offset, size, (random(65536) << 16) | random(65536));
    else expect(rig.apic(random(2)).read(offset, size)).toBeGreaterThanOrEqual(0);
    if (random(8) === 0) rig.apic(0).acknowledge();
    if (random(8) === 0) rig.advance(random(100000));
    if (random(8) === 0) rig.apic(0).lint0.set(random(2) === 0);
  }
  expect(structuredClone(rig.apic(0).save())).toEqual(rig.apic(0).save());
});

deviceContract(
  'local APIC',
  () => new ApicRig(1).apic(0),
  (apic) => {
    const write = (register: number, value: number) => apic.write(register << 4, 4, value);
    write(0x0f, 0x1ff);
    apic.receive({ dest: 0, logical: false, delivery: 0, vector: 0x61, level: true });
    apic.acknowledge();
    apic.receive({ dest: 0, logical: false, delivery: 0, vector: 0x71, level: true });
    write(0x02, 5 << 24);
    write(0x08, 0x20);
    write(0x0d, 1 << 24);
    write(0x0e, 0);
    apic.read(0x7f0, 4);
    write(0x28, 0);
    apic.read(0x7f0, 4);
    write(0x31, 7 << 24);
    write(0x30, 0x4033);
    write(0x3e, 3);
    write(0x38, 1000);
    write(0x32, 0x20050);
    apic.lint0.set(true);
    // The clock of a fresh rig stands at 0: the load time changes by way of restore.
    apic.restore({ ...apic.save(), loadTimeNs: 16 });
  },
  (apic) => Array.from({ length: 0x40 }, (_, register) => apic.read(register << 4, 4)),
);
