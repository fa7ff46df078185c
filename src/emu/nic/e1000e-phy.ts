/** The PHY inside an 82574L. Spec: 82574 datasheet §10.2.10 (82577 PHY); what of it there is, QEMU says. */
import { PHY_REGISTERS, type PhyModel } from './e1000-phy.ts';

const at = (page: number, register: number): number => PHY_REGISTERS * page + register;
const inPage = (page: number, ...registers: readonly number[]): readonly number[] =>
  registers.map((register) => at(page, register));

const PAGE_SELECT = 22;
const OEM_BITS = 25;
const OEM_RESTART = 0x0400;

export const E1000E_PHY: PhyModel = {
  pages: 8,
  atReset: [
    ...([
      [0, 0x1140],
      [1, 0x794d],
      [2, 0x0141],
      [3, 0x0cb1],
      [4, 0x0de1],
      [5, 0x07e0],
    ] as const),
    ...([
      [6, 0x0004],
      [7, 0x2001],
      [9, 0x0f00],
      [10, 0x3c00],
      [15, 0x3000],
      [16, 0x3360],
      [17, 0xac08],
    ] as const),
    [at(2, 16), 0x0088],
    [at(2, 21), 0x1046],
    [at(3, 18), 0x4005],
  ],
  readable: new Set([
    ...inPage(0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 15),
    ...inPage(0, 16, 17, 18, 19, 20, 21, PAGE_SELECT, OEM_BITS, 26, 29, 30),
    ...inPage(2, 16, 18, 19, 21),
    ...inPage(3, 16, 17, 18, 19),
    ...inPage(5, 20, 21),
    ...inPage(6, 17),
  ]),
  writable: new Set([
    ...inPage(0, 0, 4, 7, 9, 16, 18, 20, PAGE_SELECT, OEM_BITS, 26, 29, 30),
    ...inPage(2, 16, 18, 21),
    ...inPage(3, 16, 17, 18, 19),
  ]),
  pageRegister: { number: PAGE_SELECT, bits: 0x7f },
  restart: { number: OEM_BITS, bit: OEM_RESTART },
};
