/**
 * Which kinds of records live in the interpreter's main switch. Chosen from counts of a Debian boot and of the bench
 * kernels (docs/engine.md); kept below 25 KB of bytecode, beyond which V8 optimises late or never.
 */
const HOT = new Set([
  'exit',
  'jmp',
  ...Array.from({ length: 16 }, (_, code) => code)
    .filter((code) => code >= 2 && ![10, 11].includes(code))
    .map((code) => `jcc${code}`),
  'call64_rel',
  'jmp64_r',
  'ret64',
  'push64',
  'pop64',
  'load64_bd64',
  'load32_bd64',
  'load8_bd64',
  'load64_bis64',
  'load32_bis64',
  'load_zx8_32_bd64',
  'load_zx16_32_bd64',
  'load_zx8_32_bis64',
  'store64_bd64',
  'store32_bd64',
  'store8_bd64',
  'store64_bis64',
  'storei32_bd64',
  'storei64_bd64',
  'load64_ea',
  'ea_seg64',
  'mov64_rr',
  'mov32_rr',
  'mov64_ri',
  'mov_zx8_32_rr',
  'mov_sx32_64_rr',
  'lea64_bd64',
  'lea64_bis64',
  ...['add', 'sub', 'cmp', 'and', 'xor', 'test', 'or'].flatMap((op) => [
    `${op}64_rr`,
    `${op}32_rr`,
    `${op}64_ri`,
    `${op}32_ri`,
  ]),
  'cmp8_ri',
  'test8_rr',
  'test8_ri',
  'shl64_imm',
  'shr64_imm',
  'shl32_imm',
  'shr32_imm',
  'nop',
]);

/** True: a case of the main switch. False: a function of its own. */
export function isHot(name: string): boolean {
  return HOT.has(name);
}
