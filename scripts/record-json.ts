/** Records how QEMU reads and writes JSON: `npx tsx scripts/record-json.ts`. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { BYTE_CASES, PRETTY_CASES, TEXT_CASES, UNEXPECTED_CASES } from '../tests/golden/qmp/json-cases.ts';
import type { JsonRecording } from '../tests/golden/qmp/json-recording.ts';
import { JsonQemu } from './json-qemu.ts';

const OUTPUT = 'tests/golden/qmp/json.json';

async function record(cases: readonly Uint8Array[], pretty: boolean): Promise<JsonRecording['bytes']> {
  const qemu = await JsonQemu.start(pretty);
  const answers = await qemu.allAnswers(cases);
  await qemu.stop();
  return cases.map((bytes, at) => ({
    input: Buffer.from(bytes).toString('base64'),
    answers: answers[at] ?? [],
  }));
}

/** What `qom-set -j` says of each text; null: it could be read. */
async function recordTexts(): Promise<JsonRecording['texts']> {
  const qemu = await JsonQemu.start();
  const texts: { text: string; error: string | null }[] = [];
  for (const text of TEXT_CASES) {
    const line = `qom-set -j /machine no-such-property ${text}`;
    const request = { execute: 'human-monitor-command', arguments: { 'command-line': line } };
    const [answer = ''] = await qemu.answers(Buffer.from(JSON.stringify(request)));
    const { return: said } = JSON.parse(answer) as { return: string };
    const error = said.replace(/^Error: /, '').trimEnd();
    texts.push({ text, error: /^Property .* not found$/.test(error) ? null : error });
  }
  await qemu.stop();
  return texts;
}

async function recordUnexpected(): Promise<JsonRecording['unexpected']> {
  const qemu = await JsonQemu.start();
  const cases: { keys: readonly string[]; first: string }[] = [];
  for (const keys of UNEXPECTED_CASES) {
    // In their own order, which an object of JavaScript would not keep.
    const members = keys.map((key) => `${JSON.stringify(key)}:"no-such-device"`).join();
    const [answer = ''] = await qemu.answers(
      Buffer.from(`{"execute":"device_del","arguments":{${members}}}`),
    );
    const { error } = JSON.parse(answer) as { error: { desc: string } };
    cases.push({ keys, first: error.desc.replace(/^Parameter '(.*)' is unexpected$/, '$1') });
  }
  await qemu.stop();
  return cases;
}

const recording: JsonRecording = {
  bytes: await record(BYTE_CASES, false),
  pretty: await record(PRETTY_CASES, true),
  texts: await recordTexts(),
  unexpected: await recordUnexpected(),
};
writeFileSync(OUTPUT, `${JSON.stringify(recording)}\n`);
execFileSync('node_modules/.bin/biome', ['format', '--write', OUTPUT]);
