/** One instruction as objdump writes it. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export type CodeSize = 16 | 32 | 64;

const MACHINES: Readonly<Record<CodeSize, string>> = { 16: 'i8086', 32: 'i386', 64: 'i386:x86-64' };

/** The bytes themselves where there is no objdump. */
export function disassemble(code: Uint8Array, size: CodeSize): string {
  const folder = mkdtempSync(join(tmpdir(), 'lockstep-'));
  try {
    const file = join(folder, 'code');
    writeFileSync(file, code);
    const result = spawnSync(
      'objdump',
      ['-D', '-b', 'binary', '-m', MACHINES[size], '-M', 'intel', '--insn-width=15', file],
      { encoding: 'utf8' },
    );
    return (result.stdout ?? '').match(/^ *0:\s+(.*)$/m)?.[1] ?? Buffer.from(code).toString('hex');
  } finally {
    rmSync(folder, { recursive: true });
  }
}
