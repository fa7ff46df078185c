/** The page's interface for scripts, each function from a page, and the same in the strictest sandbox. */
import { expect, type Frame, type Page } from '@playwright/test';
import type { Automation } from '../../src/ui/automation.ts';
import { makeImage, monitorCommand, terminalText, textFromNow, waitForGuest } from './support/page.ts';
import { FIREFOX, test } from './support/pages.ts';
import { serveSite } from './support/static-server.ts';

/** Runs in the page; `hotslot` is its object. */
function script<T>(page: Page | Frame, run: (hotslot: Automation) => T | Promise<T>): Promise<T> {
  return page.evaluate(`(${String(run)})(window.hotslot)`);
}

/** What a call throws or rejects with, as `name: message`. */
function fault(page: Page | Frame, call: string): Promise<string> {
  return page.evaluate(
    `(async () => { try { await hotslot.${call}; return 'nothing'; } catch (error) { return error.name + ': ' + error.message; } })()`,
  );
}

test('says what it is, and when the guest is ready', async ({ page }) => {
  test.setTimeout(300_000);
  await page.goto('./');
  expect(await script(page, (hotslot) => hotslot.version)).toBe(2);
  // Asked before there is a machine: each waits for it.
  const early = script(page, async (hotslot) => {
    const states: string[] = [];
    hotslot.on('state', (state) => states.push(state));
    const asked = Promise.all([hotslot.hmp('info name'), hotslot.qmp({ execute: 'query-name' })]);
    await hotslot.ready;
    const last = hotslot.console.text().split('\n').at(-1)?.trim();
    return { answers: await asked, last, state: hotslot.status().state, states };
  });
  expect(await early).toEqual({
    answers: ['', { return: {} }],
    last: 'guest#',
    state: 'running',
    states: ['running'],
  });
  const again = await script(page, async (hotslot) => {
    const { ready } = hotslot;
    const late = hotslot.exec('sleep 1000').then(
      () => 'ended',
      (error: Error) => error.message,
    );
    await hotslot.hmp('system_reset');
    const message = await late;
    return { message, isNew: hotslot.ready !== ready };
  });
  expect(again).toEqual({ message: 'The machine was reset.', isNew: true });
  await script(page, (hotslot) => hotslot.ready);
  expect(await terminalText(page, 'console')).toMatch(/guest# ?$/);
});

test('a machine that waits is ready too', async ({ page }) => {
  await page.goto('./#cmd=-S');
  const state = await script(page, async (hotslot) => {
    await hotslot.ready;
    return hotslot.status().state;
  });
  expect(state).toBe('prelaunch');
  expect(await script(page, (hotslot) => hotslot.hmp('info status'))).toBe('VM status: paused (prelaunch)\n');
});

test('without a machine questions are refused', async ({ page }) => {
  await page.route('**/images/debian-amd64/manifest.json', (route) =>
    route.fulfill({ status: 404, body: '' }),
  );
  await page.goto('./');
  for (const call of ["hmp('help')", "qmp({ execute: 'stop' })", "exec('true')"]) {
    expect(await fault(page, call)).toBe('Error: There is no machine.');
  }
});

test('hmp gives what QEMU prints, and leaves the user’s line alone', FIREFOX, async ({ guest: page }) => {
  await page.evaluate(() => window.hotslot?.monitor.type('half a li'));
  await expect.poll(() => terminalText(page, 'monitor')).toMatch(/half a li$/);
  const shown = await textFromNow(page, 'monitor');
  expect(await script(page, (hotslot) => hotslot.hmp('info status'))).toBe('VM status: running\n');
  expect(await script(page, (hotslot) => hotslot.hmp('nosuch'))).toBe("unknown command: 'nosuch'\n");
  expect(await script(page, (hotslot) => hotslot.hmp('info chardev'))).toContain(
    '\ncompat_monitor0: filename=vc\n',
  );
  expect(await script(page, (hotslot) => hotslot.hmp(''))).toBe('');
  expect(await shown()).toBe('');
  await page.evaluate(() => window.hotslot?.monitor.type('\x15'));
});

test('qmp answers with QEMU’s object, its errors and the id', FIREFOX, async ({ guest: page }) => {
  const answers = await script(page, (hotslot) =>
    Promise.all([
      hotslot.qmp({ execute: 'query-status', id: { n: 1 } }),
      hotslot.qmp({ execute: 'nosuch' }),
      hotslot.qmp({ execute: 'device_add', arguments: { driver: 'nosuch' }, id: 7 }),
      hotslot.qmp({ execute: 'stop', arguments: { x: 1 } }),
    ]),
  );
  expect(answers).toEqual([
    { return: { status: 'running', singlestep: false, running: true }, id: { n: 1 } },
    { error: { class: 'CommandNotFound', desc: 'The command nosuch has not been found' } },
    { error: { class: 'GenericError', desc: "'nosuch' is not a valid device model name" }, id: 7 },
    { error: { class: 'GenericError', desc: "Parameter 'x' is unexpected" } },
  ]);
});

test('on tells events by name, all of QMP’s, the state and the console', FIREFOX, async ({ guest: page }) => {
  const told = await script(page, async (hotslot) => {
    const heard: unknown[] = [];
    const stops = [
      hotslot.on('STOP', ({ event, timestamp }) => heard.push([event, timestamp.seconds > 1e9])),
      hotslot.on('qmp', ({ event, data }) => heard.push(['qmp', event, data])),
      hotslot.on('state', (state) => heard.push(state)),
    ];
    await hotslot.hmp('stop');
    while (hotslot.status().state !== 'paused') await new Promise((resolve) => setTimeout(resolve, 20));
    for (const stop of stops) stop();
    await hotslot.hmp('cont');
    while (hotslot.status().state !== 'running') await new Promise((resolve) => setTimeout(resolve, 20));
    return heard;
  });
  expect(told).toEqual([['STOP', true], ['qmp', 'STOP', undefined], 'paused']);
  const said = await script(
    page,
    (hotslot) =>
      new Promise<string>((resolve) => {
        let text = '';
        const stop = hotslot.on('console', (more) => {
          text += more;
          if (!text.includes('\nsaid-42')) return;
          stop();
          resolve(text);
        });
        hotslot.console.type('echo said-$((40 + 2))\r');
      }),
  );
  expect(said).toContain('echo said-$((40 + 2))\r\nsaid-42');
});

test('a listener’s fault is told, and holds up nobody', async ({ page }) => {
  await page.goto('./#cmd=-S');
  const faults: string[] = [];
  page.on('pageerror', (error) => faults.push(error.message));
  const heard = await script(page, async (hotslot) => {
    await hotslot.ready;
    return new Promise<string>((resolve) => {
      hotslot.on('RESUME', () => {
        throw new Error('the fault of a script');
      });
      hotslot.on('RESUME', ({ event }) => resolve(event));
      void hotslot.hmp('cont');
    });
  });
  expect(heard).toBe('RESUME');
  await expect.poll(() => faults).toEqual(['the fault of a script']);
});

test('what is of a wrong type is a TypeError in plain words', FIREFOX, async ({ guestless: page }) => {
  for (const [call, message] of [
    ['hmp(1)', 'hotslot.hmp takes a line as a string.'],
    ["hmp('a\\nb')", 'hotslot.hmp takes one line, without line feeds.'],
    ["qmp('stop')", 'hotslot.qmp takes an object: { execute, arguments, id }.'],
    ['qmp([])', 'hotslot.qmp takes an object: { execute, arguments, id }.'],
    ['qmp({ execute: 1n })', /^hotslot.qmp takes what JSON can say: .*BigInt/],
    ['exec()', 'hotslot.exec takes a command as a string.'],
    ["exec('a\\0b')", 'hotslot.exec takes no command with a NUL character.'],
    ["exec('true', 5)", 'The options of hotslot.exec are an object: { timeoutMs }.'],
    ["exec('true', { timeoutMs: '5' })", /^timeoutMs is a number of milliseconds/],
    ["exec('true', { timeoutMs: 0 })", /^timeoutMs is a number of milliseconds/],
    ['on(1, () => {})', 'hotslot.on takes the name of an event as a string.'],
    ["on('stop', () => {})", /^hotslot.on knows qmp, console, state, .* not 'stop'\.$/],
    ["on('STOP')", 'hotslot.on takes a function as listener.'],
  ] as const) {
    const [name, ...words] = (await fault(page, call)).split(': ');
    expect(name, call).toBe('TypeError');
    expect(words.join(': '), call).toMatch(message);
  }
});

test('exec runs a command in the guest, and nothing of it is seen', FIREFOX, async ({ guest: page }) => {
  test.setTimeout(180_000);
  await page.evaluate(() => window.hotslot?.console.type('echo half a li'));
  await expect.poll(() => terminalText(page, 'console')).toMatch(/guest# echo half a li$/);
  const before = await terminalText(page, 'console');
  expect(await script(page, (hotslot) => hotslot.exec('printf "a\\033[2Jb"; nosuch; exit 9'))).toEqual({
    status: 9,
    output: 'a\x1b[2Jb-bash: nosuch: command not found\n',
    timedOut: false,
    truncated: false,
  });
  const long = await script(page, (hotslot) => hotslot.exec(`echo ${'x'.repeat(9000)} | wc -c`));
  expect(long.output).toBe('9001\n');
  await expect.poll(() => terminalText(page, 'console')).toBe(before);
  await page.locator('#console .terminal-frame').click();
  await page.keyboard.type('ne; history | tail -n 1\r');
  await expect
    .poll(() => terminalText(page, 'console'))
    .toMatch(/half a line\n +\d+ +echo half a line; history \| tail -n 1\nguest# ?$/);
});

test('calls of exec that overlap are run in their order', FIREFOX, async ({ guest: page }) => {
  test.setTimeout(180_000);
  const ended = await script(page, async (hotslot) => {
    const order: string[] = [];
    const all = ['sleep 1; echo one', 'echo two', 'echo three >&2'].map(async (command) => {
      order.push((await hotslot.exec(command)).output);
    });
    await Promise.all(all);
    return order;
  });
  expect(ended).toEqual(['one\n', 'two\n', 'three\n']);
});

test(
  'a command that takes too long is ended by Ctrl-C; one whose turn does not come is not begun',
  FIREFOX,
  async ({ guest: page }) => {
    test.setTimeout(240_000);
    expect(
      await script(page, (hotslot) => hotslot.exec('echo begun; sleep 1000', { timeoutMs: 10_000 })),
    ).toEqual({ status: 130, output: 'begun\n', timedOut: true, truncated: false });
    const shown = await textFromNow(page, 'console');
    await page.locator('#console .terminal-frame').click();
    // Keys that come before the shell has made way for the program are not the program's alone.
    await page.keyboard.type('echo up; cat\r');
    await expect.poll(shown).toMatch(/\nup$/);
    const late = script(page, (hotslot) => hotslot.exec('echo never', { timeoutMs: 1500 }));
    await page.keyboard.type('mine\r');
    await expect.poll(shown).toMatch(/\nmine\nmine$/);
    expect(await late).toEqual({ status: null, output: '', timedOut: true, truncated: false });
    await page.keyboard.press('Control+D');
    await expect.poll(shown).toMatch(/cat\nup\nmine\nmine\nguest# ?$/);
  },
);

test(
  'a story is told by a script: a disk is plugged, used and taken out',
  FIREFOX,
  async ({ guest: page }) => {
    test.setTimeout(240_000);
    await makeImage(page);
    const told = await script(page, async (hotslot) => {
      const deleted = new Promise<unknown>((resolve) => {
        hotslot.on('DEVICE_DELETED', ({ data }) => {
          if (data?.['device'] === 'disk') resolve(data['path']);
        });
      });
      const drive = await hotslot.hmp('drive_add 0 if=none,file=/tmp/test.img,format=raw,id=disk1');
      const args = { driver: 'virtio-blk-pci', drive: 'disk1', id: 'disk' };
      const added = await hotslot.qmp({ execute: 'device_add', arguments: args });
      const size = await hotslot.exec(
        'until [ -b /dev/vda ]; do usleep 10000; done; lsblk -dno SIZE /dev/vda',
      );
      await hotslot.qmp({ execute: 'device_del', arguments: { id: 'disk' } });
      return { drive, added, size: size.output.trim(), path: await deleted };
    });
    expect(told).toEqual({
      drive: 'OK\n',
      added: { return: {} },
      size: '64M',
      path: '/machine/peripheral/disk',
    });
    expect(await monitorCommand(page, 'info block')).not.toContain('disk1');
  },
);

test('in the strictest sandbox it is the same', FIREFOX, async ({ page }) => {
  test.setTimeout(240_000);
  const headers = { 'Access-Control-Allow-Origin': '*' };
  const around =
    '<!doctype html><iframe sandbox="allow-scripts" src="./index.html" width="1200" height="720"></iframe>';
  const site = await serveSite(headers, { '/around.html': around });
  try {
    await page.goto(`${site.url}around.html`);
    await expect.poll(() => page.frames().length).toBe(2);
    const [, frame] = page.frames();
    if (frame === undefined) throw new Error('the page has no frame');
    await waitForGuest(frame);
    const told = await script(frame, async (hotslot) => {
      await hotslot.ready;
      const stopped = new Promise<string>((resolve) => hotslot.on('STOP', ({ event }) => resolve(event)));
      const { output } = await hotslot.exec('uname');
      const { timedOut } = await hotslot.exec('sleep 1000', { timeoutMs: 10_000 });
      const answer = await hotslot.qmp({ execute: 'stop' });
      return [window.origin, output, timedOut, answer, await stopped, await hotslot.hmp('info status')];
    });
    expect(told).toEqual(['null', 'Linux\n', true, { return: {} }, 'STOP', 'VM status: paused\n']);
  } finally {
    await site.close();
  }
});
