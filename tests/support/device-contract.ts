import { describe, expect, it } from 'vitest';
import type { Device } from '../../src/emu/core/device.ts';
import type { Plain } from '../../src/emu/core/plain.ts';

/** The laws every device keeps; each device's test calls this with a way to disturb and to observe it. */
export function deviceContract<S extends { readonly [key: string]: Plain }, D extends Device<S>>(
  name: string,
  make: () => D,
  disturb: (dev: D) => void,
  observe: (dev: D) => unknown,
  /** Fields that live on through a reset, as a battery or the power supply keeps them. */
  kept: readonly (keyof S)[] = [],
): void {
  describe(`${name} keeps the device contract`, () => {
    it('disturb changes every field of the saved state (else the laws below say nothing about it)', () => {
      const dev = make();
      const before: Record<string, unknown> = { ...dev.save() };
      disturb(dev);
      for (const [field, value] of Object.entries(dev.save())) {
        expect(value, field).not.toEqual(before[field]);
      }
    });
    it('reset returns to the power-on state', () => {
      const dev = make();
      const powerOn = dev.save();
      disturb(dev);
      const disturbed = dev.save();
      dev.reset();
      const expected: S = { ...powerOn };
      for (const field of kept) expected[field] = disturbed[field];
      expect(dev.save()).toEqual(expected);
    });
    it('a restored fresh device saves and behaves the same', () => {
      const dev = make();
      disturb(dev);
      const saved = dev.save();
      const other = make();
      other.restore(saved);
      expect(other.save()).toEqual(saved);
      expect(observe(other)).toEqual(observe(dev));
    });
    it('a restored used device saves and behaves as a restored fresh one: loadvm goes back in place', () => {
      const powerOn = make().save();
      const used = make();
      disturb(used);
      used.restore(powerOn);
      const fresh = make();
      fresh.restore(powerOn);
      expect(used.save()).toEqual(fresh.save());
      expect(observe(used)).toEqual(observe(fresh));
    });
    it('the saved state survives structuredClone (worker, IndexedDB)', () => {
      const dev = make();
      disturb(dev);
      expect(structuredClone(dev.save())).toEqual(dev.save());
    });
    it('its table of fields allows the state, and neither less nor more', () => {
      const dev = make();
      const { fields } = dev.vmstate;
      expect(fields.misfit(dev.save())).toBeUndefined();
      disturb(dev);
      const saved: Record<string, unknown> = { ...dev.save() };
      expect(fields.misfit(saved)).toBeUndefined();
      expect(fields.misfit({ ...saved, surplus: 0 })).toBeDefined();
      for (const field of Object.keys(saved)) {
        const { [field]: _, ...less } = saved;
        expect(fields.misfit(less), field).toEqual({ field, text: 'is missing' });
        expect(fields.misfit({ ...saved, [field]: undefined }), field).toBeDefined();
      }
    });
    it('a snapshot does not alias live state', () => {
      const dev = make();
      const saved = dev.save();
      const copy = structuredClone(saved);
      disturb(dev);
      expect(saved).toEqual(copy);
    });
  });
}
