import { button } from './button.ts';
import { show } from './dialog.ts';
import { h } from './dom.ts';
import type { EmulatorClient } from './emulator-client.ts';
import { plugChoices } from './plug-choices.ts';

/** Asks what an image shall be to the guest, and gives the monitor's lines that make it so. */
export async function askHowToPlug(
  { api }: EmulatorClient,
  path: string,
  chosen: (commands: readonly string[]) => void,
): Promise<void> {
  const choices = plugChoices(path, await api.machineDrives());
  const rows = choices.map(({ title, text, commands }) =>
    h(
      'li',
      {},
      button(title, { class: 'choice' }, () => {
        dialog.close();
        chosen(commands);
      }),
      h('p', { class: 'choice-text' }, text),
      h('pre', { class: 'choice-commands mono' }, commands.join('\n')),
    ),
  );
  const dialog = show(
    `Plug in ${path} as`,
    h(
      'div',
      {},
      h('p', {}, 'The lines come to the monitor one by one: press Enter for each.'),
      h('ul', { class: 'choices' }, ...rows),
      h(
        'div',
        { class: 'form-actions' },
        button('Cancel', {}, () => dialog.close()),
      ),
    ),
    'wide',
  );
}
