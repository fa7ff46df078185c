/** The machine in the page's address. */
import { describe, expect, it } from 'vitest';
import { hashWithLine, lineOfHash } from '../../src/ui/address.ts';

describe('the line of a hash', () => {
  it.each([
    ['', undefined],
    ['#', undefined],
    ['#other=1', undefined],
    ['#cmd=', ''],
    ['#cmd=-smp%202', '-smp 2'],
    ['#v=1&cmd=-m%2064&x', '-m 64'],
    // A plus sign is one: features of a processor have them.
    ['#cmd=-cpu%20qemu64,+ssse3', '-cpu qemu64,+ssse3'],
    ['#cmd=-smp%2', '-smp%2'],
    ['#cmd=-name%20%22a=b%26c%22', '-name "a=b&c"'],
  ])('%j', (hash, line) => {
    expect(lineOfHash(hash)).toBe(line);
  });
});

describe('a hash with a line', () => {
  it.each(['', '-smp 2,maxcpus=4 -m 256', '-name "a&b=c#%, +é"', '\\\n', '-cpu max,+x,-y'])(
    '%j comes back',
    (line) => {
      for (const before of ['', '#v=1', '#cmd=-m%201&v=1']) {
        const hash = hashWithLine(before, line);
        expect(lineOfHash(hash)).toBe(line);
        expect(hash.includes('v=1')).toBe(before.includes('v=1'));
        expect(hashWithLine(hash, undefined)).toBe(before.includes('v=1') ? '#v=1' : '');
      }
    },
  );

  it('can be read', () => {
    expect(hashWithLine('', '-smp 1,maxcpus=4 -m 256')).toBe('#cmd=-smp%201,maxcpus=4%20-m%20256');
  });
});
