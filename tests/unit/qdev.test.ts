/** Only this level shows buses inside devices, links and JSON values without any concrete device. */
import { describe, expect, it } from 'vitest';
import { EventQueue } from '../../src/emu/core/clock.ts';
import { type MachineEvent, MachineEvents } from '../../src/emu/core/machine-events.ts';
import { MonitorError } from '../../src/emu/core/monitor-error.ts';
import { JsonDouble, type JsonValue } from '../../src/emu/qapi/json-value.ts';
import { DeviceRegistry, type DeviceType, type NewDevice } from '../../src/emu/qdev/device-type.ts';
import { hardwareOf, type NewBus } from '../../src/emu/qdev/hardware.ts';
import type { HotplugHandler, UnplugAnswer } from '../../src/emu/qdev/hotplug-handler.ts';
import { link, linked, OBJECT_TREE } from '../../src/emu/qdev/links.ts';
import { ObjectTree } from '../../src/emu/qdev/objects.ts';
import { Options } from '../../src/emu/qdev/option-string.ts';
import { DeviceManager } from '../../src/emu/qdev/plug.ts';
import { BOOL, number, SIZE, STR, UINT8 } from '../../src/emu/qdev/properties.ts';
import { CLOCK, EVENTS, Services } from '../../src/emu/qdev/services.ts';
import { DeviceTree, Qdev } from '../../src/emu/qdev/tree.ts';
import { type ObjectType, UserObject, UserObjects } from '../../src/emu/qdev/user-objects.ts';

/** A bus that writes down which verbs it heard. */
class Recorder implements HotplugHandler {
  readonly log: string[];
  readonly name: string;
  readonly answer: UnplugAnswer;

  constructor(name: string, log: string[], answer: UnplugAnswer) {
    this.name = name;
    this.log = log;
    this.answer = answer;
  }

  prePlug(device: NewDevice): MonitorError | undefined {
    this.log.push(`${this.name} prePlug ${device.id}`);
    if (device.values.get('nr') === 9) return new MonitorError('no such port');
    device.place('nr', 7);
    return undefined;
  }

  plug(device: Qdev): void {
    this.log.push(`${this.name} plug ${device.id}${device.hotplugged ? ' hot' : ''}`);
  }

  unplugRequest(device: Qdev): UnplugAnswer {
    this.log.push(`${this.name} unplugRequest ${device.id}`);
    return this.answer;
  }

  unplug(device: Qdev): void {
    this.log.push(`${this.name} unplug ${device.id}`);
  }
}

const RNG: ObjectType = {
  name: 'rng-test',
  parents: ['rng-backend'],
  properties: [{ name: 'filename', kind: STR }],
  create: (values) => {
    if (values.text('filename') === 'none') throw new MonitorError('cannot open');
    return new UserObject(RNG, { inUse: () => values.text('filename') === 'held' });
  },
};

function rig() {
  const log: string[] = [];
  const events = new MachineEvents(() => {});
  const seen: MachineEvent[] = [];
  events.listen((event) => seen.push(event));
  const time = { ns: 5e9 };
  const objectTree = new ObjectTree('test-machine');
  const services = new Services()
    .provide(CLOCK, new EventQueue(() => time.ns))
    .provide(EVENTS, events)
    .provide(OBJECT_TREE, objectTree);
  const port: DeviceType = {
    name: 'port',
    category: 'Misc',
    busType: 'port-bus',
    userCreatable: true,
    hotpluggable: true,
    properties: [
      number('nr', 0, UINT8),
      { name: 'name', kind: STR },
      { name: 'rng', kind: link('rng-backend') },
    ],
    realize: ({ id, values, services: given }) => {
      const rng = linked(values.text('rng'), 'rng-backend', 'rng', given);
      log.push(`realize ${id}${rng === undefined ? '' : ` with ${rng.path}`}`);
      return { hardware: hardwareOf({ release: () => log.push(`release ${id}`) }) };
    },
  };
  const inner: DeviceType = { ...port, name: 'inner', busType: 'inner-bus', properties: [] };
  const ports = (): NewBus => ({
    type: 'Port-Bus',
    alsoTakes: ['port-bus'],
    handler: new Recorder('ports', log, 'now'),
  });
  const card: DeviceType = {
    ...port,
    name: 'card',
    busType: 'root-bus',
    properties: [number('nr', 0, UINT8)],
    realize: ({ id }) => ({
      hardware: hardwareOf({
        buses: [
          {
            name: 'inner',
            type: 'inner-bus',
            devices: [
              {
                type: inner,
                childName: 'backend',
                values: new Map(),
                hardware: hardwareOf({ buses: [ports()], release: () => log.push(`release ${id}/backend`) }),
              },
            ],
          },
        ],
        release: () => log.push(`release ${id}`),
      }),
    }),
  };
  const tree = new DeviceTree(objectTree);
  const devices = new DeviceManager(new DeviceRegistry([port, inner, card]), tree, services);
  const root: NewBus = { name: 'root', type: 'root-bus', handler: new Recorder('root', log, 'asked') };
  const host = { type: { ...inner, name: 'host', busType: 'System' }, bus: tree.systemBus };
  devices.addBuiltIn(objectTree.container('/machine'), 'host', {
    ...host,
    hardware: hardwareOf({ buses: [root] }),
  });
  devices.machineReady();
  const objects = new UserObjects([RNG], objectTree, services);
  const add = (id: string | undefined, given: Record<string, JsonValue>, json = false): Promise<Qdev> =>
    devices.add(new Options(Object.entries(given), id, json));
  const deleted = (): string[] => seen.splice(0).map(({ event, data }) => `${event} ${JSON.stringify(data)}`);
  return { log, tree, devices, objects, objectTree, add, deleted };
}

describe('a bus inside a device', () => {
  it('takes devices, by the four verbs of its own handler', async () => {
    const { add, log, tree } = rig();
    await add('c', { driver: 'card' });
    log.splice(0);
    const port = await add('p', { driver: 'port' });
    expect(log).toEqual(['ports prePlug p', 'realize p', 'ports plug p hot']);
    expect(port.bus?.path).toBe('/machine/peripheral/c/backend/port-bus.0');
    expect(port.valueNamed('nr')).toBe(7);
    expect(tree.devices().map(({ path }) => path)).toEqual([
      '/machine/host',
      '/machine/peripheral/c',
      '/machine/peripheral/c/backend',
      '/machine/peripheral/p',
    ]);
  });

  it('gives its device up at once when nobody has to be asked', async () => {
    const { add, devices, log, deleted, tree } = rig();
    await add('c', { driver: 'card' });
    await add('p', { driver: 'port' });
    log.splice(0);
    devices.delete('p');
    expect(log).toEqual(['ports unplugRequest p', 'ports unplug p', 'release p']);
    expect(deleted()).toEqual(['DEVICE_DELETED {"device":"p","path":"/machine/peripheral/p"}']);
    expect(tree.find('p')).toBeUndefined();
  });

  it('is emptied before its device leaves, and that is announced in this order', async () => {
    const { add, devices, log, deleted, tree } = rig();
    const card = await add('c', { driver: 'card' });
    await add('p', { driver: 'port' });
    await add(undefined, { driver: 'port' });
    log.splice(0);
    devices.delete('c');
    expect(log).toEqual(['root unplugRequest c']);
    expect(() => devices.delete('c')).not.toThrow();
    log.splice(0);
    devices.unplug(card);
    expect(log).toEqual([
      'ports unplug ',
      'release ',
      'ports unplug p',
      'release p',
      'release c/backend',
      'root unplug c',
      'release c',
    ]);
    expect(deleted()).toEqual([
      'DEVICE_DELETED {"path":"/machine/peripheral-anon/device[0]"}',
      'DEVICE_DELETED {"device":"p","path":"/machine/peripheral/p"}',
      'DEVICE_DELETED {"path":"/machine/peripheral/c/backend"}',
      'DEVICE_DELETED {"device":"c","path":"/machine/peripheral/c"}',
    ]);
    expect(tree.devices()).toHaveLength(1);
    await expect(add('q', { driver: 'port' })).rejects.toThrow("No 'port-bus' bus found for device 'port'");
  });

  it('refuses a device without a trace', async () => {
    const { add, log, tree } = rig();
    await add('c', { driver: 'card' });
    log.splice(0);
    await expect(add('p', { driver: 'port', nr: '9' })).rejects.toThrow('no such port');
    expect(log).toEqual(['ports prePlug p']);
    expect(tree.find('p')).toBeUndefined();
    await add('p', { driver: 'port' });
  });
});

describe('objects', () => {
  it('are made and deleted in the words of QEMU', () => {
    const { objects, objectTree } = rig();
    const make = (text: Record<string, string>, id?: string) => () =>
      objects.add(new Options(Object.entries(text), id));
    expect(make({}, 'a')).toThrow("Parameter 'qom-type' is missing");
    expect(make({ 'qom-type': 'foo' }, 'a')).toThrow("Parameter 'qom-type' does not accept value 'foo'");
    expect(make({ 'qom-type': 'rng-test' })).toThrow("Parameter 'id' is missing");
    expect(make({ 'qom-type': 'rng-test', foo: '1' }, 'a')).toThrow("Parameter 'foo' is unexpected");
    expect(make({ 'qom-type': 'rng-test', filename: 'none' }, 'a')).toThrow('cannot open');
    expect(objectTree.at('/objects/a')).toBeUndefined();
    make({ 'qom-type': 'rng-test' }, 'a')();
    expect(objectTree.at('/objects/a')?.path).toBe('/objects/a');
    expect(make({ 'qom-type': 'rng-test' }, 'a')).toThrow(
      "attempt to add duplicate property 'a' to object (type 'container')",
    );
    expect(() => objects.delete('b')).toThrow("object 'b' not found");
    make({ 'qom-type': 'rng-test', filename: 'held' }, 'b')();
    expect(() => objects.delete('b')).toThrow("object 'b' is in use, can not be deleted");
    objects.delete('a');
    expect(objects.ids()).toEqual(['b']);
    make({ 'qom-type': 'rng-test' }, 'a')();
  });

  it('are found by links, by id or path', async () => {
    const { add, objects, log } = rig();
    await add('c', { driver: 'card' });
    objects.add(new Options([['qom-type', 'rng-test']], 'rng0'));
    await add('p', { driver: 'port', rng: 'rng0' });
    await add('q', { driver: 'port', rng: '/objects/rng0' });
    expect(log).toEqual(
      expect.arrayContaining(['realize p with /objects/rng0', 'realize q with /objects/rng0']),
    );
    await expect(add('r', { driver: 'port', rng: 'nope' })).rejects.toThrow("Device 'nope' not found");
    await expect(add('r', { driver: 'port', rng: '/machine' })).rejects.toThrow(
      "Invalid parameter type for 'rng', expected: rng-backend",
    );
  });
});

describe('property values as JSON', () => {
  it('must have the right type', async () => {
    const { add } = rig();
    await add('c', { driver: 'card' });
    const port = (nr: JsonValue) => add(undefined, { driver: 'port', nr }, true);
    expect((await port(3)).type.name).toBe('port');
    await expect(port('3')).rejects.toThrow("Parameter 'nr' expects uint64");
    await expect(port(256)).rejects.toThrow("Parameter 'nr' expects uint8_t");
    await expect(port(-1)).rejects.toThrow("Parameter 'nr' expects uint8_t");
    await expect(port(2n ** 63n)).rejects.toThrow("Parameter 'nr' expects uint8_t");
    await expect(port(new JsonDouble(1))).rejects.toThrow("Parameter 'nr' expects uint64");
    await expect(add(undefined, { driver: 5 }, true)).rejects.toThrow("Parameter 'driver' is missing");
  });

  it.each([
    [BOOL, true],
    [STR, 'text'],
    [UINT8, 255],
    [SIZE, 2 ** 40],
  ] as const)('are printed as they are read: %#', (kind, json) => {
    const property = { name: 'x', kind };
    expect(kind.toJson(kind.fromJson(json, property, 'type'))).toBe(json);
    expect(() => kind.fromJson(null, property, 'type')).toThrow(
      /^(Invalid parameter type for 'x', expected: |Parameter 'x' expects uint64$)/,
    );
  });
});

it('what is in the tree of objects is a device or not', () => {
  const { objectTree, tree } = rig();
  expect(objectTree.at('/machine/host')).toBeInstanceOf(Qdev);
  expect(tree.isOther('/machine/peripheral')).toBe(true);
  expect(tree.isOther('/machine/host')).toBe(false);
  expect(tree.isOther('/nowhere')).toBe(false);
});
