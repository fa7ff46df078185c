import { describe, expect, it } from 'vitest';
import { TerminalSizePort } from '../../src/emu/index.ts';

function rig() {
  const sent: string[] = [];
  let asked = 0;
  const port = new TerminalSizePort(
    (bytes) => sent.push(new TextDecoder().decode(bytes)),
    () => asked++,
  );
  const guest = (text: string): void => port.receive(new TextEncoder().encode(text));
  return { port, guest, sent, asked: () => asked };
}

describe("the terminal's size", () => {
  it('is told when the guest asks and has another one', () => {
    const { port, guest, sent, asked } = rig();
    port.resize({ rows: 30, columns: 100 });
    expect(sent).toEqual([]);
    guest('24 8');
    guest('0\n');
    expect(sent).toEqual(['\n30 100\n']);
    guest('30 100\n');
    expect(sent).toHaveLength(1);
    expect(asked()).toBe(2);
  });

  it('is told when it changes, the newest one only, and one answer to a question', () => {
    const { port, guest, sent } = rig();
    guest('24 80\n');
    port.resize({ rows: 24, columns: 80 });
    expect(sent).toEqual([]);
    port.resize({ rows: 25, columns: 81 });
    port.resize({ rows: 26, columns: 82 });
    port.resize({ rows: 27, columns: 83 });
    expect(sent).toEqual(['\n25 81\n']);
    guest('25 81\n');
    expect(sent).toEqual(['\n25 81\n', '\n27 83\n']);
  });

  it('is told to a guest that was restored while it waited', () => {
    const { port, sent } = rig();
    port.resize({ rows: 24, columns: 80 });
    port.resume();
    expect(sent).toEqual(['\n24 80\n']);
  });

  it('is not told for what is no question', () => {
    const { port, guest, sent, asked } = rig();
    port.resize({ rows: 30, columns: 100 });
    guest(`login:\n\n1\n${'9'.repeat(100_000)} 1\n-1 80\n24 80 1\n`);
    expect(sent).toEqual([]);
    expect(asked()).toBe(0);
  });
});
