/** `cpu_set` of qemu-kvm and `cpu-add`, over the processors of today. */
import { integer, string } from '../../argument-specs.ts';
import type { Command, CommandContext } from '../../command.ts';
import { type CpuAdd, plugCpu } from '../../qapi/cpu-numbers.ts';

async function plugNumber({ machine, stderr }: CommandContext, index: number): Promise<void> {
  const places = machine.inspect.hotpluggableCpus();
  if (index < 0 || index >= places.length) stderr(`cpu ${index} creation failed`);
  else if (places[index]?.qomPath === undefined) await plugCpu(machine, index);
}

function unplugNumber({ machine }: CommandContext, index: number): void {
  const path = machine.inspect.hotpluggableCpus()[index]?.qomPath;
  if (path !== undefined) machine.devices.delete(path);
}

async function cpuSet(context: CommandContext, index: number, state: string): Promise<string> {
  const last = context.machine.inspect.hotpluggableCpus().length - 1;
  // Some lessons take the number for a count.
  context.warnOnce(`note: cpu_set takes the number of one CPU (0 to ${last} here), not how many of them`);
  if (state === 'online') await plugNumber(context, index);
  else if (state === 'offline') unplugNumber(context, index);
  else return `invalid status: ${state}\n`;
  return '';
}

/** QEMU: in the fork qemu-kvm only. What is so already stays so without a word. */
export const CPU_SET: Command = {
  name: 'cpu_set',
  args: [integer('cpu'), string('state')],
  params: 'cpu [online|offline]',
  help: 'change cpu state',
  run: (context, args) => cpuSet(context, Number(args.get('cpu')), String(args.get('state'))),
};

/** @param notice what is said before, absent: nothing */
export const cpuAddCommand = (add: CpuAdd, notice?: string): Command => ({
  name: 'cpu-add',
  args: [integer('id')],
  params: 'id',
  help: 'add cpu',
  async run({ machine, warn }, args) {
    if (notice !== undefined) warn(notice);
    await add(machine, Number(args.get('id')));
    return '';
  },
});
