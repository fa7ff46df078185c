/**
 * Which kinds of records live in the interpreter's main switch: those that make up at least 0.2 % of the records of a boot or of
 * kernels of the bench, 64-bit or 32-bit (`npm run bench -- --profile`), 95 % of all records together. Kept below 50 KB of
 * bytecode: V8 does not optimise functions of more than 60 KB.
 */
const HOT = new Set([
  ...['exit', 'region', 'helper', 'helper_end', 'jmp'],
  ...[2, 3, 4, 5, 6, 7, 8, 9, 12, 13, 14, 15].map((code) => `jcc${code}`),
  ...['call64_rel', 'ret64', 'jmp64_r', 'push64', 'pushi64', 'pop64'],
  ...['load64_bd64', 'load32_bd64', 'load8_bd64', 'load_zx8_32_bd64', 'load_sx32_64_bd64'],
  ...['load64_bis64', 'load8_bis64', 'load_zx8_32_bis64', 'load64_ea', 'loadw32_ea', 'ea_seg64'],
  ...['store64_bd64', 'store32_bd64', 'store8_bd64', 'store64_bis64', 'store64_ea', 'store32_ea'],
  ...['storei64_bd64', 'storei32_bd64', 'storei8_bd64', 'lea64_bd64', 'lea64_bis64', 'lea32_bd64'],
  ...['call32_rel', 'ret32', 'jmp32_r', 'push32', 'pushi32', 'pop32'],
  ...['load32_bd32', 'load8_bd32', 'load_zx8_32_bd32', 'load32_bis32', 'load32_ea', 'loadw32_bd32'],
  ...['store32_bd32', 'store8_bd32', 'store32_bis32', 'storei32_bd32', 'lea32_bd32', 'lea32_bis32'],
  ...['ea_bis32', 'ea_segment32'],
  ...['mov64_rr', 'mov32_rr', 'mov64_ri', 'mov_zx8_32_rr', 'mov_sx32_64_rr'],
  ...['add64_rr', 'add64_ri', 'add32_rr', 'add32_ri', 'sub64_rr', 'sub64_ri', 'sub32_rr', 'sub32_ri'],
  ...['and64_rr', 'and64_ri', 'and32_rr', 'and32_ri', 'xor64_rr', 'xor32_rr', 'or32_rr'],
  ...['cmp64_rr', 'cmp64_ri', 'cmp32_rr', 'cmp32_ri', 'cmp8_rr', 'cmp8_ri'],
  ...['test64_rr', 'test32_rr', 'test32_ri', 'test8_rr', 'test8_ri'],
  ...['shl64_imm', 'shr64_imm', 'sar64_imm', 'shl32_imm', 'shr32_imm', 'rol32_imm', 'ror32_imm'],
  ...['inc64', 'inc32', 'dec32'],
]);

/** True: a case of the main switch. False: a function of its own. */
export function isHot(name: string): boolean {
  return HOT.has(name);
}

const BRANCHES_FOLLOW = /^(cmp(64|32)_r[ri]|cmp8_ri|test(64|32|8)_rr|test8_ri)$/;

/** Kinds that often come next, which are tried before the switch is searched again. */
export function followers(name: string): readonly string[] {
  if (/^(push|pop)(32|64)$/.test(name)) return [name];
  if (name === 'ea_seg64') return ['load64_ea'];
  return BRANCHES_FOLLOW.test(name) ? ['jcc4', 'jcc5'] : [];
}
