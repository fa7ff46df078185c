/** Writes the generated sources. Run by every command that needs them; does nothing when they are up to date. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { interpreterModule } from '../src/emu/cpu/interp/generate.ts';

const DECLARATION = `import type { InterpreterEnvironment } from '../environment.ts';
export declare function createInterpreter(env: InterpreterEnvironment): (record: number) => void;
`;

const outputs: Readonly<Record<string, string>> = {
  'src/emu/cpu/interp/generated/interpreter.js': interpreterModule(),
  'src/emu/cpu/interp/generated/interpreter.d.ts': DECLARATION,
};

for (const [file, text] of Object.entries(outputs)) {
  if (existsSync(file) && readFileSync(file, 'utf8') === text) continue;
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}
