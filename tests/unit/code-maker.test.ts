import { describe, expect, it } from 'vitest';
import { CodeMaker, type FunctionMaker } from '../../src/emu/cpu/interp/code-maker.ts';

/** `S` is a member and part of a longer word, too. */
const BODY = 'const SS=7;return ()=>(S[0]=S[0]+add(box.S,SS)|0);';
const host: FunctionMaker = (parameters, body) =>
  new Function(...parameters, body) as ReturnType<FunctionMaker>;

function values(first: number) {
  return { S: Int32Array.of(first), add: (a: number, b: number) => a + b, box: { S: 5 } };
}

function globals(): string[] {
  return Object.getOwnPropertyNames(globalThis).filter((name) => name.startsWith('$hotslot'));
}

describe('a maker of code', () => {
  it('gives functions their arrays and functions', () => {
    const own = values(100);
    const before = globals();
    const made = new CodeMaker(host, own, undefined).make(['S', 'add', 'box'], BODY, own) as () => number;
    expect([made(), made(), own.S[0]]).toEqual([112, 124, 124]);
    expect(globals()).toEqual(before);
  });

  it('gives each owner globals of its own', () => {
    const [one, two] = [values(100), values(200)];
    const before = new Set(globals());
    const [a, b] = [one, two].map((own) =>
      new CodeMaker(undefined, own, own).make(['S', 'add', 'box'], BODY, own),
    ) as [() => number, () => number];
    expect([a(), b(), a(), b()]).toEqual([112, 212, 124, 224]);
    expect([one.S[0], two.S[0]]).toEqual([124, 224]);
    const added = globals().filter((name) => !before.has(name));
    expect(added.filter((name) => /^\$hotslot\d+S$/.test(name))).toHaveLength(2);
  });

  it('takes its globals back, and only its own', () => {
    const [one, two] = [values(100), values(200)];
    const before = globals();
    const maker = new CodeMaker(undefined, one, one);
    const other = new CodeMaker(undefined, two, two);
    const made = other.make(['S', 'add', 'box'], BODY, two) as () => number;
    maker.dispose();
    expect([made(), globals().length]).toEqual([212, before.length + 1]);
    other.dispose();
    maker.dispose();
    expect(globals()).toEqual(before);
  });

  it('leaves no globals where making code is forbidden', () => {
    const before = globals();
    const own = values(1);
    const maker = new CodeMaker(
      () => {
        throw new EvalError('refused by the content security policy');
      },
      own,
      own,
    );
    expect([maker.allowed, maker.isGlobal]).toEqual([false, false]);
    expect(globals()).toEqual(before);
  });
});
