/** The interpreter's text with counters in it: kinds of records, pairs of kinds, and every call that leaves the hot path. */
import type { FunctionMaker } from '../../../src/emu/cpu/interp/code-maker.ts';
import { interpreter } from './counters.ts';

/** The start of its loop; the array of records may have a longer name. */
const DISPATCH = /for\(;;\)\{switch\(([$\w]*C)\[p\]\)\{/;

type Call = (...values: unknown[]) => unknown;

/** Makes functions; the interpreter counts in `globalThis.hotslotProfile` (see counters.ts). */
export const instrument: FunctionMaker = (parameters, body) => {
  const records = DISPATCH.exec(body)?.[1];
  if (records === undefined) return new Function(...parameters, body) as ReturnType<FunctionMaker>;
  const text = body.replace(
    DISPATCH,
    `for(;;){{const k=${records}[p];K[k]++;P[last*N+k]++;last=k;}switch(${records}[p]){`,
  );
  const make = new Function(
    ...parameters,
    `const {kinds:K,pairs:P,records:N}=globalThis.hotslotProfile;let last=0;${text}`,
  );
  return (...values) => {
    const C = (Reflect.get(globalThis, records) ?? values[parameters.indexOf(records)]) as Int32Array;
    return make(
      ...values.map((value, n) =>
        typeof value === 'function' ? counted(parameters[n] ?? '', value as Call, C) : value,
      ),
    );
  };
};

function counted(name: string, call: Call, C: Int32Array): Call {
  const calls: [calls: number, zero: number] = [0, 0];
  interpreter.calls[name] = calls;
  const operations =
    name === 'sse' ? interpreter.sse : /^helper(End)?$/.test(name) ? interpreter.helpers : undefined;
  return (...values) => {
    if (operations !== undefined) {
      const operation = C[(values[0] as number) + 1] ?? 0;
      operations[operation] = (operations[operation] ?? 0) + 1;
    }
    const answer = call(...values);
    calls[0]++;
    if (answer === 0) calls[1]++;
    return answer;
  };
}
