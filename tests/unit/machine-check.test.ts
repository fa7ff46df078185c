/** `mce`: what a fault of the hardware does to banks, processors and the machine. Texts, flags and order: QEMU 7.2 with Linux, November 2026. */
import { describe, expect, it } from 'vitest';
import { CR4, CR4_MCE, HALTED, HALTED_HLT, RIP_LO, VEC_MC } from '../../src/emu/cpu/state.ts';
import { recordMachineCheck } from '../../src/emu/cpu/system/machine-check.ts';
import { AT_BANKS, AT_MCG_CTL, AT_MCG_STATUS } from '../../src/emu/cpu/system/msr.ts';
import { Monitor } from '../../src/emu/index.ts';
import { qtestRig } from '../support/qtest-rig.ts';
import { CODE, realMode } from '../support/real-mode.ts';

const HANDLER = 0x3000;
const CORRECTED = '0x8000000000000000';
const UNCORRECTED = '0xbd00000000000134';
const ACTION_REQUIRED = '0xbd80000000000134';
const TWO = { cpus: 2, maxCpus: 2, sockets: 2, dies: 1, cores: 1, threads: 1 };

/** What QEMU tells of one. */
const failure = (action: 'inject' | 'reset', required = false, recursive = false) => ({
  event: 'MEMORY_FAILURE',
  data: { recipient: 'guest', action, flags: { 'action-required': required, recursive } },
});
const RESET = { event: 'RESET', data: { guest: true, reason: 'guest-reset' } };

/** A machine with two processors whose guest has switched machine checks on. */
function rig(config: Parameters<typeof qtestRig>[0] = {}) {
  const { machine } = qtestRig({ smp: TWO, ...config });
  const told: unknown[] = [];
  machine.events.listen((event) => told.push(event));
  const monitor = new Monitor({ machine });
  const words = (cpu: number): Int32Array => machine.processors.at(cpu)?.cpu.S ?? new Int32Array();
  for (const cpu of [0, 1]) words(cpu)[CR4] |= CR4_MCE;
  return {
    ...{ machine, words },
    hmp: (line: string) => monitor.execute(line),
    told: () => told.splice(0),
    /** STATUS, ADDR and MISC of a bank. */
    bank: (cpu: number, bank: number): readonly string[] => {
      const view = new BigUint64Array(words(cpu).slice(AT_BANKS + 8 * bank, AT_BANKS + 8 * bank + 8).buffer);
      return [...view].slice(1).map((word) => word.toString(16));
    },
  };
}

describe('mce', () => {
  it('records a fault that was corrected, which the guest finds when it looks', async () => {
    const { hmp, told, bank, words } = rig();
    expect(await hmp(`mce 0 3 ${CORRECTED} 0 0x1000 7`)).toBe('');
    expect(bank(0, 3)).toEqual(['8000000000000000', '1000', '7']);
    // The second one is told to have come before the first was read.
    await hmp(`mce 0 3 ${CORRECTED} 0 0x2000 8`);
    expect(bank(0, 3)).toEqual(['c000000000000000', '2000', '8']);
    expect(told()).toEqual([failure('inject'), failure('inject')]);
    expect([words(0)[AT_MCG_STATUS], bank(1, 3)]).toEqual([0, ['0', '0', '0']]);
  });

  it('does not write over one that was not corrected', async () => {
    const { hmp, bank } = rig();
    await hmp(`mce 0 3 0xa000000000000000 5 0x1000 7`);
    await hmp(`mce 0 3 ${CORRECTED} 0 0x2000 8`);
    expect(bank(0, 3)).toEqual(['e000000000000000', '1000', '7']);
  });

  it('interrupts the processor, which must have dealt with it before the next', async () => {
    const { hmp, told, bank, words, machine } = rig();
    expect(await hmp(`mce 0 9 ${UNCORRECTED} 5 1 2`)).toBe('');
    expect([bank(0, 9), words(0)[AT_MCG_STATUS]]).toEqual([['bd00000000000134', '1', '2'], 5]);
    expect(machine.processors.at(0)?.cpu.isReady).toBe(true);
    expect(told()).toEqual([failure('inject')]);
    expect(await hmp(`mce 0 9 ${UNCORRECTED} 5 1 2`)).toBe(
      'CPU 0: Previous MCE still in progress, raising triple fault\n',
    );
    expect(told()).toEqual([failure('reset', false, true), RESET]);
    expect(await hmp(`mce 0 9 ${ACTION_REQUIRED} 5 1 2`)).toBe(
      'CPU 0: MCE capability is not enabled, raising triple fault\n',
    );
    expect(told()).toEqual([failure('reset', true), RESET]);
  });

  it('tells the other processors with -b, and ends them with one reset', async () => {
    const { hmp, told, bank, words } = rig();
    expect(await hmp(`mce -b 1 9 ${UNCORRECTED} 5 1 2`)).toBe('');
    expect(bank(1, 9)).toEqual(['bd00000000000134', '1', '2']);
    expect([bank(0, 1), words(0)[AT_MCG_STATUS]]).toEqual([['a000000000000000', '0', '0'], 5]);
    for (const cpu of [0, 1]) words(cpu)[CR4] = 0;
    told();
    expect(await hmp(`mce -b 1 9 ${UNCORRECTED} 5 1 2`)).toBe(
      'CPU 1: MCE capability is not enabled, raising triple fault\n' +
        'CPU 0: MCE capability is not enabled, raising triple fault\n',
    );
    expect(told()).toEqual([failure('reset'), failure('reset'), RESET]);
  });

  it('says what the guest has switched off, and changes nothing', async () => {
    const { hmp, told, bank, words } = rig();
    words(0)[AT_BANKS + 8 * 9] = 0;
    expect(await hmp(`mce 0 9 ${UNCORRECTED} 5 1 2`)).toBe(
      'CPU 0: Uncorrected error reporting disabled for bank 9\n',
    );
    words(0)[AT_MCG_CTL] = 0;
    expect(await hmp(`mce 0 8 ${UNCORRECTED} 5 1 2`)).toBe('CPU 0: Uncorrected error reporting disabled\n');
    expect([told(), bank(0, 9), bank(0, 8)]).toEqual([[], ['0', '0', '0'], ['0', '0', '0']]);
  });

  it('knows processors without banks, and those that cannot tell all', async () => {
    expect(await rig({ cpu: '486' }).hmp(`mce 0 0 ${CORRECTED} 0 0 0`)).toBe('MCE injection not supported\n');
    const early = rig({ cpu: 'qemu64,family=6,model=13' });
    expect(await early.hmp(`mce -b 0 0 ${CORRECTED} 0 0 0`)).toBe(
      'Guest CPU does not support MCA broadcast\n',
    );
    expect(await early.hmp(`mce 0 0 ${CORRECTED} 0 0 0`)).toBe('');
  });

  it('ends the machine with -no-reboot where it would reset it', async () => {
    const { hmp, told, machine } = rig({ noReboot: true });
    let hasQuit = false;
    machine.onQuit = () => {
      hasQuit = true;
    };
    await hmp(`mce 0 9 ${UNCORRECTED} 5 1 2`);
    await hmp(`mce 0 9 ${UNCORRECTED} 5 1 2`);
    expect(hasQuit).toBe(true);
    expect(told()).toContainEqual({ event: 'SHUTDOWN', data: { guest: true, reason: 'guest-reset' } });
  });
});

describe('a processor', () => {
  it('takes a machine check although interrupts are off, and wakes up for it', () => {
    // hlt; jmp to it
    const engine = realMode([0xf4, 0xeb, 0xfd]);
    const { cpu } = engine;
    cpu.memory.writeU32(VEC_MC * 4, HANDLER);
    // jmp to itself
    cpu.memory.write(HANDLER, Uint8Array.of(0xeb, 0xfe));
    engine.run(10, false);
    expect([cpu.S[HALTED], cpu.S[RIP_LO]]).toEqual([HALTED_HLT, CODE + 1]);
    cpu.S[CR4] |= CR4_MCE;
    const check = { bank: 0, status: BigInt(UNCORRECTED), mcgStatus: 5n, addr: 0n, misc: 0n };
    expect(recordMachineCheck(cpu.S, check)).toBe('interrupt');
    cpu.processor.machineCheck();
    expect(cpu.processor.isReady).toBe(true);
    engine.run(10, false);
    expect([cpu.S[HALTED], cpu.S[RIP_LO]]).toEqual([0, HANDLER]);
    // Once.
    cpu.S[RIP_LO] = CODE;
    engine.run(10, false);
    expect(cpu.S[RIP_LO]).toBe(CODE + 1);
  });
});
