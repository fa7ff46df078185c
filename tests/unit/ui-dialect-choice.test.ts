import { describe, expect, it } from 'vitest';
import { dialectOf, withDialect } from '../../src/ui/dialect-choice.ts';

describe('the dialect that a command line names', () => {
  it.each([
    ['', '7.2'],
    ['-m 64', '7.2'],
    ['-compat-monitor 1.5', '1.5'],
    ['-m 64 --compat-monitor  qemu-kvm-0.15\n-S', 'qemu-kvm-0.15'],
    ['-compat-monitor 1.5 -compat-monitor 2.0', '2.0'],
    ['-compat-monitor 3.0', '3.0'],
    ['-name x-compat-monitor 1.5', '7.2'],
  ])('%j', (line, dialect) => {
    expect(dialectOf(line)).toBe(dialect);
  });
});

describe('a line with another dialect', () => {
  it.each([
    ['', '1.5', '-compat-monitor 1.5'],
    ['-m 64', '1.1', '-m 64 -compat-monitor 1.1'],
    ['-m 64 -compat-monitor 1.5 -S', '2.0', '-m 64 -S -compat-monitor 2.0'],
    ['-compat-monitor 1.5 -m 64', '7.2', '-m 64'],
    ['-m 64 -compat-monitor', '5.1', '-m 64 -compat-monitor 5.1'],
    ['-compat-monitor 1.5 -compat-monitor 2.0', '7.2', ''],
  ])('%j and %s', (line, dialect, changed) => {
    expect(withDialect(line, dialect)).toBe(changed);
    expect(dialectOf(changed)).toBe(dialect);
  });
});
