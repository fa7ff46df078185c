import { describe, expect, it } from 'vitest';
import { seededRandom } from '../support/chip-rig.ts';
import { monitorRig } from '../support/monitor-rig.ts';
import { normalisations, readRecording, replay } from '../support/replay.ts';

describe('the console', () => {
  it('greets and prompts as QEMU does', async () => {
    const rig = await monitorRig();
    expect(rig.greeting).toBe("QEMU 7.2.22 monitor - type 'help' for more information\r\n(qemu) ");
  });

  it('redraws the line with the bytes that QEMU sends', async () => {
    const rig = await monitorRig();
    await replay(
      readRecording('readline'),
      {
        execute: (line) => rig.execute(line),
        takeEvents: () => [],
        async boot() {},
        async settle() {},
        keys: (text) => rig.keys(text),
      },
      {
        rules: normalisations(new Set()),
        events: () => false,
        compare(what, ours, qemu) {
          const version = /\d+\.\d+\.\d+[A-Z][^\r]*/;
          expect.soft(ours.replace(version, 'version'), what).toBe(qemu.replace(version, 'version'));
        },
      },
    );
  });

  it('has what terminals send and QEMU ignores: Home, End, Ctrl-K, Ctrl-U, Ctrl-P, Ctrl-N', async () => {
    const rig = await monitorRig();
    await rig.keys('info versionX\x1b[HX\x1b[F\x7f\x1bOH\x04\x1b[Fy\x02\x0b\r');
    expect(await rig.keys('junk\x15info history\r')).toContain("0: 'info version'");
    expect(await rig.keys('\x10\x10\x0e\r')).toContain("1: 'info history'");
  });

  it('keeps what is typed while a command runs', async () => {
    const rig = await monitorRig();
    const output = await rig.keys('drive_add 0 if=none,id=a\rdrive_add 0 if=none,id=b\rinfo block\r');
    expect(output).toContain('a: [not inserted]');
    expect(output).toContain('b: [not inserted]');
  });

  it('completes commands, drives, device types and ids', async () => {
    const rig = await monitorRig();
    await rig.execute('drive_add 0 if=none,file=/tmp/disk1.img,format=raw,id=disk1');
    await rig.execute('device_add virtio-blk-pci,drive=disk1,id=blk1');
    expect(await rig.keys('dri\t')).toContain(
      'drive_add     drive_backup  drive_del     drive_mirror  \r\n(qemu) drive_',
    );
    expect((await rig.keys('d\t')).endsWith('drive_del \x1b[K')).toBe(true);
    expect(await rig.keys('\t\x15')).toContain('drive_del disk1 ');
    expect(await rig.keys('device_add virtio-blk-\t')).toContain('virtio-blk-device  virtio-blk-pci');
    expect(await rig.keys('\x15device_del \t')).toContain('device_del blk1 ');
    expect(await rig.keys('\x15help info statu\t')).toContain('help info status ');
    expect(await rig.keys('\x15info block d\t')).toContain('info block disk1 ');
  });

  it('takes UTF-8 in pieces, and any bytes at all', async () => {
    const rig = await monitorRig();
    rig.console.input(new Uint8Array([0xc3]));
    rig.console.input(new Uint8Array([0xa9, 0x0d]));
    expect(await rig.keys('info history\r')).toContain("0: 'é'");
    const random = seededRandom(7);
    for (let n = 0; n < 10_000; n++) {
      const special = [0x0d, 0x1b, 0x5b, 0x7f, 0x09][random(40)];
      rig.console.input(new Uint8Array([special ?? random(256)]));
      if (n % 500 === 0) await rig.keys('\x15');
    }
    for (let n = 0; n < 3; n++) await rig.keys('qq\x15\r');
    expect(await rig.execute('info status')).toBe('VM status: paused (prelaunch)\n');
  });

  it('survives any line', async () => {
    const rig = await monitorRig();
    const words = [
      'drive_add',
      'device_add',
      'device_del',
      'info',
      'block',
      'help',
      '0',
      'if=none',
      ',',
      '=',
      '"',
      '\\',
    ];
    const more = [
      '-n',
      '-x',
      'id=a',
      'virtio-blk-pci',
      'drive=a',
      'registers',
      '(',
      '1+',
      ' ',
      'file=/tmp/odd.img',
      'stop',
    ];
    const all = [...words, ...more];
    const random = seededRandom(11);
    for (let n = 0; n < 3_000; n++) {
      const line = Array.from(
        { length: random(7) },
        () => all[random(all.length)] + [' ', ''][random(2)],
      ).join('');
      const output = await rig.console.monitor.execute(line);
      expect(output === '' || output.endsWith('\n'), line).toBe(true);
      expect(output, line).not.toContain('internal error');
    }
  });
});
