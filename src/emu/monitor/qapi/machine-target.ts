/** The models of processors. Spec: QEMU qapi/machine-target.json. */
import { cpuDefinitions, expandCpu } from '../../machine/cpu-queries.ts';
import { isJsonObject, type JsonValue, keysOf } from '../../qapi/json-value.ts';
import { inQdictOrder } from '../../qapi/qdict-order.ts';
import { ANY, BOOL, enumeration, list, optional, STR, struct } from '../../qapi/schema.ts';
import { command } from './context.ts';

const CPU_DEFINITION_INFO = struct({
  ...{ name: STR, 'migration-safe': optional(BOOL), static: BOOL },
  ...{ 'unavailable-features': optional(list(STR)), typename: STR, 'alias-of': optional(STR) },
  deprecated: BOOL,
});
const CPU_MODEL_INFO = struct({ name: STR, props: optional(ANY) });
const CPU_MODEL_EXPANSION_TYPE = enumeration('CpuModelExpansionType', ['static', 'full']);

/** QEMU: what is no object is nothing. */
function pairsOf(props: JsonValue | undefined): readonly (readonly [string, JsonValue])[] {
  if (!isJsonObject(props)) return [];
  return inQdictOrder(keysOf(props)).map((name) => [name, props[name] ?? null]);
}

export const MACHINE_TARGET_COMMANDS = [
  command('query-cpu-definitions', {
    returns: list(CPU_DEFINITION_INFO),
    run: () =>
      cpuDefinitions().map(({ name, typeName, aliasOf, isStatic, isMigrationSafe, unavailable }) => ({
        ...{ name, typename: typeName, 'alias-of': aliasOf, static: isStatic },
        ...{ 'migration-safe': isMigrationSafe, 'unavailable-features': unavailable, deprecated: false },
      })),
  }),
  command('query-cpu-model-expansion', {
    args: struct({ type: CPU_MODEL_EXPANSION_TYPE, model: CPU_MODEL_INFO }),
    returns: struct({ model: CPU_MODEL_INFO }),
    run({ machine, warn }, { type, model: { name, props } }) {
      const given = pairsOf(props as JsonValue | undefined);
      const { cpuCompat: compat } = machine.inspect;
      return { model: expandCpu({ name, given, full: type === 'full', compat }, warn) };
    },
  }),
];
