import { describe, expect, it } from 'vitest';
import { characterWidth, clustersOf } from '../../src/emu/monitor/character-width.ts';
import { Readline } from '../../src/emu/monitor/readline.ts';
import { monitorRig } from '../support/monitor-rig.ts';

const LEFT = '\x1b[D';

/** A terminal without an edge: what it shows of one line, by columns; a wide character takes two. */
class Screen {
  readonly cells: string[] = [];
  column = 0;
  written = 0;

  write(text: string): void {
    this.written += text.length;
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the control sequences of the line editing.
    for (const [piece] of text.matchAll(/\x1b\[[CDK]|./gsu)) {
      if (piece === '\x1b[C') this.column++;
      else if (piece === LEFT) this.column--;
      else if (piece === '\x1b[K') this.cells.length = Math.min(this.cells.length, this.column);
      else if (characterWidth(piece) === 0) this.cells[this.column - 1] += piece;
      else this.#put(piece);
    }
  }

  #put(character: string): void {
    this.cells[this.column++] = character;
    if (characterWidth(character) === 2) this.cells[this.column++] = '';
  }

  get text(): string {
    return this.cells.join('');
  }
}

function rig() {
  const screen = new Screen();
  const lines: string[] = [];
  const readline = new Readline({
    prompt: '',
    write: (text) => screen.write(text),
    onLine: (line) => {
      lines.push(line);
      readline.start();
    },
    complete: () => ({ typed: '', candidates: ['x'.repeat(9000)] }),
  });
  readline.start();
  const keys = (text: string): void => {
    for (const character of text) readline.input(character);
  };
  return { screen, lines, readline, keys };
}

describe('columns of characters', () => {
  it.each([
    ['a', 1],
    ['é', 1],
    ['日', 2],
    ['한', 2],
    ['Ａ', 2],
    ['ｱ', 1],
    ['𠀀', 2],
    ['\u0301', 0],
    ['\u200b', 0],
    ['\u00ad', 1],
    ['\u303f', 1],
  ])('%s', (character, columns) => expect(characterWidth(character)).toBe(columns));

  it('keeps marks with what they lie over', () => {
    expect(clustersOf('e\u0301\u0323x')).toEqual(['e\u0301\u0323', 'x']);
  });
});

describe('a line of characters of any width', () => {
  it('is drawn as it is, wherever it is edited', () => {
    const { screen, lines, keys } = rig();
    keys('a日本語.img');
    expect(screen.column).toBe(11);
    keys(`${LEFT.repeat(5)}\x7f木`);
    expect(screen.text).toBe('a日木語.img');
    expect(screen.column).toBe(5);
    keys('\x01é𠀀');
    expect(screen.text).toBe('é𠀀a日木語.img');
    expect(screen.column).toBe(3);
    keys('\r');
    expect(lines).toEqual(['é𠀀a日木語.img']);
  });

  it('moves over and deletes a character with its marks', () => {
    const { screen, lines, keys } = rig();
    keys(`xe\u0301y${LEFT}\x7fz`);
    expect(screen.text).toBe('xzy');
    expect(screen.column).toBe(2);
    keys('\r');
    expect(lines).toEqual(['xzy']);
  });

  it('joins halves of a character that come one after the other', async () => {
    const { console, keys } = await monitorRig();
    console.input('\ud842');
    console.input('\udfb7\r');
    expect(await keys('info history\r')).toContain("0: '𠮷'");
  });
});

describe('a long line', () => {
  it('stands below the candidates of a completion that adds nothing to it', () => {
    let shown = '';
    const readline = new Readline({
      prompt: '> ',
      write: (text) => {
        shown += text;
      },
      onLine() {},
      complete: () => ({ typed: 'ab', candidates: ['ab1', 'ab2'] }),
    });
    readline.start();
    for (const key of 'ab\t') readline.input(key);
    expect(shown.split('\r\n').at(-1)).toBe('> ab\x1b[K');
  });

  it('ends at 4095 characters, as in QEMU, typed, completed or recalled', () => {
    const { lines, keys } = rig();
    keys(`${'q'.repeat(5000)}\r`);
    keys('\x1b[A!\r');
    keys('\t\r');
    expect(lines.map((line) => line.length)).toEqual([4095, 4095, 4095]);
    keys(`\x1b[${'1'.repeat(100)}`);
    keys('after\r');
    expect(lines.at(-1)).toMatch(/after$/);
  });

  it('costs output in proportion to it, byte by byte and at once', async () => {
    const { screen, keys } = rig();
    keys('q'.repeat(1 << 20));
    // Up to 512 columns the whole line is drawn each time, as QEMU does.
    expect(screen.written).toBeLessThan(2_000_000);
    const monitor = await monitorRig();
    const line = 'q'.repeat(1 << 20);
    const output = await monitor.keys(`${line}\r`);
    expect(output.length).toBeLessThan(20_000);
    expect(output).toContain('unknown command');
    expect((await monitor.keys('info status\r')).endsWith('(qemu) ')).toBe(true);
  });
});
