/** `info tlb` and `info mem` beside QEMU 7.2, which had the same page tables (-device loader) and control registers (its gdb stub). */
import { beforeEach, describe, expect, it } from 'vitest';
import * as state from '../../src/emu/cpu/state.ts';
import { type MonitorRig, monitorRig } from '../support/monitor-rig.ts';

const P = 1n;
const RW = 2n;
const US = 4n;
const PWT = 8n;
const PCD = 16n;
const A = 32n;
const D = 64n;
const PS = 128n;
const G = 256n;
const NX = 1n << 63n;
const CR0 = 0x8000_0011 | 0;
const CR4_PSE = 0x10;
const CR4_PAE = 0x20;
const EFER_LONG = 0xd00;

type Entry = readonly [table: number, index: number, value: bigint];

const TWO_LEVELS: readonly Entry[] = [
  [0x1000, 0, 0x2000n | P | RW | US | A],
  [0x1000, 1, 0x40_0000n | P | PS | RW | G | D | A],
  [0x1000, 2, 0x80_2000n | P | PS | US],
  [0x1000, 1023, 0x3000n | P | RW],
  [0x2000, 1, 0x5000n | P | RW | US | A | D | PS],
  [0x2000, 2, 0x6000n | P | US | PCD | PWT | G],
  [0x2000, 3, 0x7000n | P | US],
  [0x2000, 1023, 0x9000n | P | RW],
  [0x3000, 1022, 0x8000n | P | RW | US],
  [0x3000, 1023, 0xa000n | P | RW],
];
const PAE: readonly Entry[] = [
  [0x1020, 0, 0x2000n | P],
  [0x1020, 3, 0x3000n | P],
  [0x2000, 0, 0x4000n | P | RW | US],
  [0x2000, 1, 0x20_0000n | P | RW | PS | NX | D | A],
  [0x2000, 2, 0x5_0440_1000n | P | US | PS],
  [0x4000, 1, 0x5000n | P | RW | US | PS | A | NX],
  [0x4000, 2, 0x30_0000_6000n | P | US],
  [0x4000, 511, 0x7000n | P | RW],
  [0x3000, 511, 0x8000n | P | RW],
  [0x8000, 511, 0x9000n | P | RW | US | G],
];
const FOUR_LEVELS: readonly Entry[] = [
  [0x1000, 0, 0x2000n | P | RW | US],
  [0x1000, 256, 0x2000n | P | RW],
  [0x1000, 511, 0x3000n | P | RW | US],
  [0x2000, 0, 0x4000n | P | RW | US],
  [0x2000, 1, 0x4000_1000n | P | RW | PS | US | NX],
  [0x4000, 0, 0x5000n | P | RW | US],
  [0x4000, 1, 0xf_0000_0060_1000n | P | PS | RW | D | A | G],
  [0x5000, 1, 0x9000n | P | RW | US | PS | NX],
  [0x5000, 2, 0xa000n | P | US | PCD],
  [0x5000, 3, 0xb000n | P | RW],
  [0x3000, 511, 0x6000n | P | RW | US],
  [0x6000, 511, 0x7000n | P | RW | US],
  [0x7000, 511, 0xc000n | P | RW | US],
];

let rig: MonitorRig;
beforeEach(async () => {
  rig = await monitorRig();
});

function page(entries: readonly Entry[], entrySize: 4 | 8, cr3: number, cr4: number, efer = 0): void {
  const view = new DataView(new ArrayBuffer(8));
  for (const [table, index, value] of entries) {
    view.setBigUint64(0, value, true);
    rig.memory.write(table + index * entrySize, new Uint8Array(view.buffer, 0, entrySize));
  }
  const S = rig.vcpuState;
  S[state.CR3_LO] = cr3;
  S[state.CR4] = cr4;
  S[state.EFER] = efer;
  S[state.CR0] = CR0;
}

describe('page tables', () => {
  it('of two levels', async () => {
    page(TWO_LEVELS, 4, 0x1000, CR4_PSE);
    expect(await rig.execute('info tlb')).toBe(`\
0000000000001000: 0000000000005000 ---DA--UW
0000000000002000: 0000000000006000 -G---CTU-
0000000000003000: 0000000000007000 -------U-
00000000003ff000: 0000000000009000 --------W
0000000000400000: 0000000000400000 -GPDA---W
0000000000800000: 0000000000800000 --P----U-
00000000ffffe000: 0000000000008000 -------UW
00000000fffff000: 000000000000a000 --------W
`);
    expect(await rig.execute('info mem')).toBe(`\
0000000000001000-0000000000002000 0000000000001000 urw
0000000000002000-0000000000004000 0000000000002000 ur-
00000000003ff000-0000000000800000 0000000000401000 -rw
0000000000800000-0000000000c00000 0000000000400000 ur-
00000000ffffe000-0000000100000000 0000000000002000 -rw
`);
    expect(await rig.execute('gva2gpa 0x1234')).toBe('gpa: 0x5234\n');
  });

  it('with physical address extension', async () => {
    page(PAE, 8, 0x1020, CR4_PAE);
    expect(await rig.execute('info tlb')).toBe(`\
0000000000001000: 8000000000005000 X---A--UW
0000000000002000: 0000003000006000 -------U-
00000000001ff000: 0000000000007000 --------W
0000000000200000: 8000000000200000 X-PDA---W
0000000000400000: 0000000504400000 --P----U-
00000000fffff000: 0000000000009000 -G-----UW
`);
    expect(await rig.execute('info mem')).toBe(`\
0000000000001000-0000000000002000 0000000000001000 urw
0000000000002000-0000000000003000 0000000000001000 ur-
00000000001ff000-0000000000400000 0000000000201000 -rw
0000000000400000-0000000000600000 0000000000200000 ur-
00000000fffff000-0000000100000000 0000000000001000 -rw
`);
  });

  it('of four levels', async () => {
    page(FOUR_LEVELS, 8, 0x1000, CR4_PAE, EFER_LONG);
    expect(await rig.execute('info tlb')).toBe(`\
0000000000001000: 0000000000009000 X------UW
0000000000002000: 000000000000a000 -----C-U-
0000000000003000: 000000000000b000 --------W
0000000000200000: 0003000000600000 -GPDA---W
0000000040000000: 0000000040000000 X-P----UW
ffff800000001000: 0000000000009000 X------UW
ffff800000002000: 000000000000a000 -----C-U-
ffff800000003000: 000000000000b000 --------W
ffff800000200000: 0003000000600000 -GPDA---W
ffff800040000000: 0000000040000000 X-P----UW
fffffffffffff000: 000000000000c000 -------UW
`);
    expect(await rig.execute('info mem')).toBe(`\
0000000000001000-0000000000002000 0000000000001000 urw
0000000000002000-0000000000003000 0000000000001000 ur-
0000000000003000-0000000000004000 0000000000001000 -rw
0000000000200000-0000000000400000 0000000000200000 -rw
0000000040000000-0000000080000000 0000000040000000 urw
ffff800000001000-ffff800000002000 0000000000001000 -rw
ffff800000002000-ffff800000003000 0000000000001000 -r-
ffff800000003000-ffff800000004000 0000000000001000 -rw
ffff800000200000-ffff800000400000 0000000000200000 -rw
ffff800040000000-ffff800080000000 0000000040000000 -rw
fffffffffffff000-0001000000000000 0000000000001000 urw
`);
    expect(await rig.execute('gva2gpa 0x1234')).toBe('gpa: 0x9234\n');
  });

  it('that lead to themselves come to an end', async () => {
    page(
      [[0x1000, 0, 0x1000n | P], ...[1, 2, 3].map((n): Entry => [0x1000, n, 0x1000n | P | RW])],
      8,
      0x1000,
      CR4_PAE,
      EFER_LONG,
    );
    expect((await rig.execute('info tlb')).split('\n')).toHaveLength(4 ** 4 + 1);
    const all = Array.from({ length: 512 }, (_, n): Entry => [0x1000, n, 0x1000n | P]);
    page(all, 8, 0x1000, CR4_PAE, EFER_LONG);
    expect(await rig.execute('info mem')).toMatch(/No more entries of page tables are looked at\n$/);
  });
});
