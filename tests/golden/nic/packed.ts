const DWORD_DIGITS = 8;
const LONG = 256;

/** Of what monitors tell, the part about the card. */
const ABOUT_CARD: readonly RegExp[] = [
  / +dev: \S+, id "nic0"\n(?: {8,}.*\n)*/,
  / {2}Bus {2}0, device {3}2, function 0:\n(?: {4,}.*\n)*/,
  /nic0: index=.*\n/,
];

/** A long dump of memory as the dwords that are not 0, each with its offset, and how often it is repeated. */
export function packed(answer: string): string {
  const isDump = /^0x[0-9a-f]+$/.test(answer) && answer.length >= LONG;
  return isDump
    ? packedDump(answer)
    : (ABOUT_CARD.map((part) => part.exec(answer)?.[0]).find(Boolean) ?? answer);
}

function packedDump(answer: string): string {
  const words = answer.slice(2).match(new RegExp(`.{1,${DWORD_DIGITS}}`, 'g')) ?? [];
  const runs: { readonly at: number; readonly word: string; count: number }[] = [];
  for (const [at, word] of words.entries()) {
    const last = runs.at(-1);
    if (last?.word === word) last.count++;
    else runs.push({ at, word, count: 1 });
  }
  return runs
    .filter(({ word }) => !/^0+$/.test(word))
    .map(({ at, word, count }) => `${(4 * at).toString(16)}=${word}${count > 1 ? `*${count}` : ''}`)
    .join(' ');
}
