/** Only this level shows that a guest cannot make the log grow. */
import { expect, it } from 'vitest';
import { TraceLog } from '../../src/emu/core/trace.ts';

it('says once what is not modelled, and not without end', () => {
  const trace = new TraceLog();
  const heard: unknown[] = [];
  trace.unimplemented('cpu: RDPMC');
  trace.listen((_, [text]) => heard.push(text));
  for (let round = 0; round < 2; round++) {
    for (let index = 0; index < 100_000; index++) trace.unimplemented('wrmsr %x: ignored', index);
  }
  expect(heard).toHaveLength(64);
  expect(heard.slice(-1)).toEqual(['wrmsr 3f: ignored']);
  trace.unimplemented('cpu: RDPMC');
  expect(heard).toHaveLength(64);
});

it('bounds even messages that should not differ', () => {
  const trace = new TraceLog();
  const heard: unknown[] = [];
  trace.listen((_, [text]) => heard.push(text));
  for (let index = 0; index < 5000; index++) trace.unimplemented(`device ${index}`);
  expect([heard.length, trace.tail().length]).toEqual([1024, 256]);
});

it('keeps what came before a flood of one guest error', () => {
  const trace = new TraceLog();
  trace.guestError('i8042: unsupported command 0x%x', 0x1f);
  for (let offset = 0; offset < 10_000; offset++) trace.guestError('hpet: read of %d bytes at %d', 2, offset);
  trace.guestError('done');
  expect(trace.tail()).toEqual([
    'i8042: unsupported command 0x1f',
    'hpet: read of 2 bytes at 9999 (the last of 10000 in a row)',
    'done',
  ]);
});
