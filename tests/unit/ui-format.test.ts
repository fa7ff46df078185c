import { describe, expect, it } from 'vitest';
import { formatBytes, formatSeconds, monitorWord, optionValue, parseSize } from '../../src/ui/format.ts';

describe('format', () => {
  it.each([
    [0, '0 B'],
    [1023, '1023 B'],
    [1024, '1 KiB'],
    [1536, '1.5 KiB'],
    [64 * 2 ** 20, '64 MiB'],
    [8 * 2 ** 30, '8 GiB'],
  ])('formatBytes(%d)', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });

  it.each([
    ['64M', 64 * 2 ** 20],
    ['1.5g', 1.5 * 2 ** 30],
    ['8 GiB', 8 * 2 ** 30],
    ['512', 512],
    ['4KB', 4096],
    ['0', undefined],
    ['', undefined],
    ['viel', undefined],
    ['-1M', undefined],
    ['9999999T', undefined],
  ])('parseSize(%s)', (text, bytes) => {
    expect(parseSize(text)).toBe(bytes);
  });

  it('formatSeconds, optionValue, monitorWord', () => {
    expect([0.2, 30, 120].map(formatSeconds)).toEqual(['1 s', '30 s', '2 min']);
    expect(optionValue('/tmp/a,b.img')).toBe('/tmp/a,,b.img');
    expect(['tag', 'two words', 'a"b\\', 'a\nb'].map(monitorWord)).toEqual([
      'tag',
      '"two words"',
      '"a\\"b\\\\"',
      '"a\\nb"',
    ]);
  });
});
