/** What is recorded of processors that come and go. */
import type { Flow, Step } from './record-monitor-flows.ts';

const hmp = (...lines: readonly string[]): Step[] => lines.map((line) => ({ hmp: line }));
const guest = (...lines: readonly string[]): Step[] => lines.map((line) => ({ guest: line }));
const SETTLE: Step = { settle: true };

const CPU = 'device_add qemu64-x86_64-cpu';
const LIST = 'info hotpluggable-cpus';
const ONLINE = 'grep -c ^processor /proc/cpuinfo; cat /sys/devices/system/cpu/online';
const SOCKETS = ['-smp', '1,sockets=4,cores=1,threads=1,maxcpus=4'];

export const CPU_FLOWS: readonly Flow[] = [
  {
    name: 'errors_cpu',
    guest: false,
    args: SOCKETS,
    steps: hmp(
      LIST,
      'info cpus',
      'cpu 0',
      'cpu 1',
      'cpu -1',
      'cpu',
      'cpu x',
      `${CPU},id=a`,
      `${CPU},id=a,socket-id=9`,
      `${CPU},id=a,socket-id=1`,
      `${CPU},id=a,socket-id=1,core-id=5`,
      `${CPU},id=a,socket-id=1,core-id=0`,
      `${CPU},id=a,socket-id=1,core-id=0,thread-id=3`,
      `${CPU},id=a,socket-id=1,core-id=0,thread-id=0,die-id=1`,
      `${CPU},id=a,socket-id=0,core-id=0,thread-id=0`,
      `${CPU},id=a,apic-id=9`,
      `${CPU},id=a,apic-id=1,socket-id=0`,
      `${CPU},id=a,apic-id=1,core-id=1`,
      `${CPU},id=a,socket-id=x`,
      `${CPU},id=a,socket-id=`,
      `${CPU},id=a,socket-id=99999999999`,
      `${CPU},id=a,socket-id=-1,core-id=0,thread-id=0`,
      `${CPU},id=a,socket-id=1,core-id=0,thread-id=0,node-id=1`,
      `${CPU},id=a,bus=pci.0,socket-id=1,core-id=0,thread-id=0`,
      `${CPU},id=a,nosuch=1`,
      `${CPU},id=a,apic-id=1`,
      `${CPU},id=a,apic-id=2`,
      `${CPU},id=b,apic-id=1`,
      LIST,
      'info cpus',
      'cpu 1',
      'info cpus',
      'info registers',
      `${CPU},apic-id=3`,
      'info cpus',
      'cpu 2',
      'device_del a',
      'device_del b',
      'device_del /machine/unattached/device[0]',
      'device_del /machine/peripheral-anon/device[0]',
      'system_reset',
      LIST,
      'info registers -a',
    ),
  },
  {
    name: 'errors_cpu_dies',
    guest: false,
    args: ['-smp', '3,sockets=2,dies=2,cores=2,threads=1,maxcpus=8'],
    steps: hmp(
      LIST,
      'info cpus',
      `${CPU},id=a,socket-id=1,core-id=0,thread-id=0`,
      `${CPU},id=a,socket-id=1,die-id=2,core-id=0,thread-id=0`,
      `${CPU},id=a,socket-id=0,die-id=1,core-id=0,thread-id=0`,
      `${CPU},id=a,socket-id=1,die-id=1,core-id=0,thread-id=0`,
      `${CPU},id=b,apic-id=4`,
      `${CPU},id=c,apic-id=8`,
      LIST,
      'info cpus',
    ),
  },
  {
    name: 'cpu_hotplug',
    guest: true,
    args: SOCKETS,
    steps: [
      ...guest(ONLINE),
      ...hmp(LIST, 'info cpus', `${CPU},socket-id=2,core-id=0,thread-id=0,id=cpu-3`),
      SETTLE,
      ...hmp(LIST, 'info cpus'),
      ...guest('echo 1 > /sys/devices/system/cpu/cpu1/online', ONLINE),
      ...hmp(`${CPU},socket-id=1,core-id=0,thread-id=0,id=cpu-2`),
      SETTLE,
      ...guest('cat /sys/devices/system/cpu/present', ONLINE),
      ...hmp('stop', 'device_del cpu-3', 'device_del cpu-3', 'info cpus', 'cont'),
      SETTLE,
      ...hmp(LIST, 'info cpus'),
      ...guest(ONLINE),
      ...hmp('device_del cpu-2'),
      SETTLE,
      ...hmp('info cpus'),
      ...guest('cat /sys/devices/system/cpu/present', ONLINE),
    ],
  },
];
