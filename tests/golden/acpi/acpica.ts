/** ACPICA's tools, for tests that run when Debian's package acpica-tools is installed. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** True when iasl and acpiexec can be run. */
export const HAS_ACPICA = ['iasl', 'acpiexec'].every((tool) => spawnSync(tool, ['-v']).status !== null);

/** Calls `use` with the path of a file for each of `tables`. */
function withTables<T>(tables: readonly Uint8Array[], use: (paths: string[], folder: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), 'aml-'));
  try {
    const paths = tables.map((aml, n) => {
      const path = join(folder, `table${n}.aml`);
      writeFileSync(path, aml);
      return path;
    });
    return use(paths, folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function run(tool: string, args: readonly string[], cwd: string, input: string = ''): string {
  const { stdout, stderr } = spawnSync(tool, [...args], { cwd, input, encoding: 'utf8', maxBuffer: 2 ** 26 });
  return stdout + stderr;
}

/** Loads tables into ACPICA's interpreter and runs debugger commands; everything it prints. */
export function acpiexec(tables: readonly Uint8Array[], commands: readonly string[]): string {
  const input = [...commands, 'quit', ''].join('\n');
  return withTables(tables, (paths, folder) => run('acpiexec', paths, folder, input));
}

/** The ASL of a table. */
export function disassemble(aml: Uint8Array): string {
  return withTables([aml], (paths, folder) => {
    run('iasl', ['-p', 'out', '-d', ...paths], folder);
    return readFileSync(join(folder, 'out.dsl'), 'utf8');
  });
}

/** What the compiler says when it translates a table's disassembly again. */
export function recompile(aml: Uint8Array): string {
  return withTables([aml], (paths, folder) => {
    run('iasl', ['-p', 'out', '-d', ...paths], folder);
    return run('iasl', ['out.dsl'], folder);
  });
}
