/** The QEMU whose words the monitors speak: a choice beside the command line, which is where it is kept. */
import { MONITOR_DIALECTS } from '../workers/protocol.ts';
import { h, on } from './dom.ts';

const OPTION = /(^|\s)--?compat-monitor(?:\s+(\S+))?(?=\s|$)/g;
const [DEFAULT] = MONITOR_DIALECTS;

/** What the line says; the last one counts. */
export function dialectOf(line: string): string {
  return [...line.matchAll(OPTION)].at(-1)?.[2] ?? DEFAULT;
}

/** The line with another dialect. The default one needs no words. */
export function withDialect(line: string, dialect: string): string {
  const rest = line.replace(OPTION, '').trim();
  return dialect === DEFAULT ? rest : `${rest} -compat-monitor ${dialect}`.trim();
}

/** A list to choose from, which follows the field with the line and changes it. */
export function dialectSelect(field: HTMLTextAreaElement): HTMLElement {
  const select = h('select', { class: 'select' });
  for (const name of MONITOR_DIALECTS) {
    const text = name.startsWith('qemu') ? name : `QEMU ${name}`;
    select.append(h('option', { value: name }, text));
  }
  const follow = (): void => {
    select.value = dialectOf(field.value);
  };
  on(field, 'input', follow);
  on(select, 'change', () => {
    field.value = withDialect(field.value, select.value);
  });
  follow();
  return h('label', { class: 'field' }, h('span', {}, 'Monitor speaks as'), select);
}
