import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { checksum, GdbClient, unpack } from '../../scripts/lockstep/gdb-client.ts';
import { decodeRegisters, differing, REGISTER_BYTES } from '../../scripts/lockstep/registers.ts';

describe('remote serial protocol', () => {
  test('checksum is the sum of the bytes modulo 256', () => {
    expect(checksum('g')).toBe('67');
    expect(checksum('m0,400')).toBe(((0x6d + 0x30 + 0x2c + 0x34 + 0x30 + 0x30) & 0xff).toString(16));
  });

  test('run lengths and escapes are undone', () => {
    expect(unpack('0* ')).toBe('0000');
    expect(unpack('a}\x03b')).toBe('a#b');
  });

  test('requests are framed, answers acknowledged', async () => {
    const path = join(tmpdir(), `gdb-client-${process.pid}`);
    const received: string[] = [];
    const server = createServer((socket) => {
      socket.on('data', (data) => {
        const text = data.toString('latin1');
        received.push(text);
        if (!text.includes('$')) return;
        const answer = text.includes('$m1000') ? 'cafe' : 'OK';
        socket.write(`+$${answer}#${checksum(answer)}`);
      });
    });
    await new Promise<void>((resolve) => server.listen(path, resolve));
    const client = await GdbClient.connect(path);
    expect(Buffer.from(await client.readMemory(0x1000n, 2)).toString('hex')).toBe('cafe');
    expect(received.join('')).toContain(`$m1000,2#${checksum('m1000,2')}`);
    client.close();
    await new Promise((resolve) => server.close(resolve));
  });
});

describe('registers', () => {
  test('reserved and RF bits of the flags do not count', () => {
    const a = decodeRegisters(Buffer.alloc(REGISTER_BYTES));
    expect(differing(a, { ...a, eflags: 0x10002n })).toEqual([]);
    expect(differing(a, { ...a, eflags: 1n, r9: 5n })).toEqual(['r9', 'eflags']);
  });
});
