/** Commands about the machine as a whole and its processors. */
import { WATCHDOG_ACTIONS } from '../../core/machine-events.ts';
import { MonitorError } from '../../core/monitor-error.ts';
import { flag, integer, long, string } from '../argument-specs.ts';
import type { Command } from '../command.ts';
import { contMachine } from '../qapi/misc.ts';
import { withPlainErrors } from './plain-errors.ts';

export const MACHINE_COMMANDS: readonly Command[] = [
  {
    name: 'cpu',
    args: [integer('index')],
    params: 'index',
    help: 'choose the processor that other commands are about',
    // QEMU: without the usual "Error: ".
    run: ({ cpu }, args) => (cpu.choose(Number(args.get('index'))) ? '' : 'invalid CPU index\n'),
  },
  {
    name: 'stop',
    alias: 's',
    args: [],
    params: '',
    help: 'stop the processors',
    async run({ machine }) {
      machine.stop();
      await machine.drives.drainAll();
      return '';
    },
  },
  {
    name: 'cont',
    alias: 'c',
    args: [],
    params: '',
    help: 'let the processors run',
    run({ machine }) {
      contMachine(machine);
      return '';
    },
  },
  {
    name: 'exit_preconfig',
    args: [],
    params: '',
    help: 'complete the machine, which -preconfig has left at its beginning',
    async run({ machine }) {
      await machine.preconfig.end();
      return '';
    },
  },
  {
    name: 'system_reset',
    args: [],
    params: '',
    help: 'press the reset button',
    run({ machine }) {
      machine.reset();
      return '';
    },
  },
  {
    name: 'system_powerdown',
    args: [],
    params: '',
    help: 'press the power button, for the guest to end by itself',
    run({ machine }) {
      machine.powerButton();
      return '';
    },
  },
  {
    name: 'quit',
    alias: 'q',
    args: [],
    params: '',
    help: 'end the machine',
    run({ machine }) {
      machine.quit();
      return '';
    },
  },
  {
    name: 'nmi',
    args: [],
    params: '',
    help: 'send processors an interrupt that they cannot mask',
    run({ machine }) {
      machine.signals.nmi();
      return '';
    },
  },
  {
    name: 'mce',
    args: [
      flag('b', 'broadcast'),
      integer('cpu_index'),
      integer('bank'),
      ...['status', 'mcg_status', 'addr', 'misc'].map(long),
    ],
    params: '[-b] cpu bank status mcgstatus addr misc',
    help: 'report a fault of the hardware to the guest (-b: on all processors)',
    run({ machine }, args) {
      const word = (name: string): bigint => BigInt.asUintN(64, BigInt(String(args.get(name))));
      const lines = machine.signals.machineCheck(
        Number(args.get('cpu_index')),
        {
          bank: Number(args.get('bank')),
          ...{ status: word('status'), mcgStatus: word('mcg_status') },
          ...{ addr: word('addr'), misc: word('misc') },
        },
        args.get('broadcast') === true,
      );
      return lines.map((line) => `${line}\n`).join('');
    },
  },
  {
    name: 'watchdog_action',
    args: [string('action')],
    params: '[reset|shutdown|poweroff|pause|debug|none]',
    help: 'what is done when a watchdog was not fed in time',
    complete: () => [...WATCHDOG_ACTIONS],
    run({ machine }, args) {
      const given = args.get('action');
      const watchdogAction = WATCHDOG_ACTIONS.find((name) => name === given);
      if (watchdogAction === undefined) throw new MonitorError(`invalid parameter value: ${given}`);
      machine.setActions({ watchdogAction });
      return '';
    },
  },
  {
    name: 'boot_set',
    args: [string('bootdevice')],
    params: 'bootdevice',
    help: 'where firmware looks for a system, as letters',
    run: ({ machine }, args) =>
      withPlainErrors(async () => {
        const order = String(args.get('bootdevice'));
        machine.setBootOrder(order);
        return `boot device list now set to ${order}\n`;
      }),
  },
];
