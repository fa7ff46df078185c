/** What an instrumented boot counts. The interpreter's own counters are filled by the text that instrument.ts writes. */
import { FPU_SYSTEM_OPS } from '../../../src/emu/cpu/fpu/fxsave.ts';
import { GENERAL_HELPERS } from '../../../src/emu/cpu/helpers/general.ts';
import { STRING_HELPERS } from '../../../src/emu/cpu/helpers/strings.ts';
import { BlockCache } from '../../../src/emu/cpu/interp/block-cache.ts';
import { Mmu } from '../../../src/emu/cpu/mmu/mmu.ts';
import { PageWalker } from '../../../src/emu/cpu/mmu/page-walk.ts';
import { Tlb } from '../../../src/emu/cpu/mmu/tlb.ts';
import { SEMANTICS } from '../../../src/emu/cpu/semantics/table.ts';
import { SSE_OPS } from '../../../src/emu/cpu/sse/ops.ts';
import { SYSTEM_OPS } from '../../../src/emu/cpu/system/system-ops.ts';
import type { Machine } from '../../../src/emu/machine/machine.ts';

const records = SEMANTICS.length;

export interface InterpreterCounters {
  readonly records: number;
  readonly kinds: Float64Array;
  /** Kind before × kind. */
  readonly pairs: Float64Array;
  /** Per function of the environment: calls, and how many answered 0. */
  readonly calls: Record<string, [calls: number, zero: number]>;
  readonly helpers: number[];
  readonly sse: number[];
}

export const interpreter: InterpreterCounters = {
  records,
  kinds: new Float64Array(records),
  pairs: new Float64Array(records * records),
  calls: {},
  helpers: [],
  sse: [],
};
Object.assign(globalThis, { hotslotProfile: interpreter });

/** Events by name. */
export const events = new Map<string, number>();

function count(name: string, by = 1): void {
  events.set(name, (events.get(name) ?? 0) + by);
}

/** Calls `seen` after each call of `prototype[name]`. */
function watch(
  prototype: object,
  name: string,
  seen: (self: unknown, args: readonly unknown[], answer: unknown) => void,
  before?: (self: unknown) => void,
): void {
  const original = Reflect.get(prototype, name);
  Reflect.set(prototype, name, function watched(this: unknown, ...args: unknown[]) {
    before?.(this);
    const answer = Reflect.apply(original, this, args);
    seen(this, args, answer);
    return answer;
  });
}

/** Dropped pages by number: how often, and how many blocks were decoded again afterwards. */
export const dropped = new Map<number, number>();
export const translated = new Map<string, number>();

export function watchClasses(): void {
  let used = 0;
  watch(
    BlockCache.prototype,
    'find',
    (self, [gpa, mode]) => {
      count('blocks.find (jump cache missed)');
      if (!(self instanceof BlockCache) || self.usedWords === used) return;
      count('blocks.translate');
      count('blocks.translate words', self.usedWords - used);
      const key = `${gpa}:${mode}`;
      const times = (translated.get(key) ?? 0) + 1;
      translated.set(key, times);
      if (times > 1) count('blocks.translate of a block seen before');
      if ((Number(mode) & 256) !== 0) count('blocks.translate single');
    },
    (self) => {
      used = self instanceof BlockCache ? self.usedWords : 0;
    },
  );
  watch(BlockCache.prototype, 'isLive', (_, __, live) => {
    count(live === true ? 'lookup: jump cache hit' : 'lookup: stale record in jump cache');
  });
  watch(BlockCache.prototype, 'dropPage', (_, [page]) => {
    count('blocks.dropPage');
    dropped.set(Number(page), (dropped.get(Number(page)) ?? 0) + 1);
  });
  watch(BlockCache.prototype, 'flush', () => count('blocks.flush'));
  watch(PageWalker.prototype, 'walk', (_, [, , access], found) => {
    count(`walk ${['read', 'write', 'fetch'][Number(access)]}`);
    if (found === false) count('walk failed');
  });
  watch(Tlb.prototype, 'install', (_, args) => {
    count('tlb.install');
    if (args[4] === false) count('tlb.install without write');
  });
  watch(Tlb.prototype, 'flush', (_, [keep]) =>
    count(keep === true ? 'tlb.flush non-global' : 'tlb.flush all'),
  );
  watch(Tlb.prototype, 'invalidate', () => count('tlb.invalidate page'));
  watch(Tlb.prototype, 'dropWriteTags', () => count('tlb.dropWriteTags (new code page)'));
  for (const name of ['load8', 'load16', 'load32', 'load64', 'store8', 'store16', 'store32', 'store64']) {
    watch(Mmu.prototype, name, () => count(`mmu.${name}`));
  }
  watch(Mmu.prototype, 'probeWrite', () => count('mmu.probeWrite'));
}

export function watchMachine(machine: Machine): void {
  const { engine, board } = machine;
  const { interrupts } = engine.cpu.processor;
  engine.cpu.processor.interrupts = {
    pending: () => interrupts.pending(),
    acknowledge: () => {
      const vector = interrupts.acknowledge();
      count('interrupts');
      count(`interrupt vector ${vector}`);
      return vector;
    },
  };
  engine.onException = (vector) => {
    count(`exception ${vector}`);
    return false;
  };
  watch(engine, 'run', (_, __, exit) => count(`engine.run: ${exit}`));
  watch(engine.cpu, 'requestExit', () => count('cpu.requestExit'));
  watch(board.ports, 'read', (_, [port]) => count(`port read ${Number(port).toString(16)}`));
  watch(board.ports, 'write', (_, [port]) => count(`port write ${Number(port).toString(16)}`));
  watch(board.physical, 'read', (_, [gpa]) => count(`mmio read ${Number(gpa).toString(16)}`));
  watch(board.physical, 'write', (_, [gpa]) => count(`mmio write ${Number(gpa).toString(16)}`));
}

/** Names by the numbers that the counters use. */
export const RECORD_NAMES = SEMANTICS.map(({ name }) => name);
export const HELPER_NAMES = Object.keys({
  ...SYSTEM_OPS,
  ...FPU_SYSTEM_OPS,
  ...GENERAL_HELPERS,
  ...STRING_HELPERS,
});
export const SSE_NAMES = SSE_OPS.map((op, number) => `${number} ${JSON.stringify(op)}`);
