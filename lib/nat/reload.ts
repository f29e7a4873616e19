import type { NatConfig } from "../config/nat_config.ts";
import { formatEndpoint } from "../wire/address.ts";

/** What a running machine cannot change, by its key in the configuration. */
const FIXED: readonly [key: string, value: (config: NatConfig) => string][] = [
  ["interfaces", (config) => config.interfaces.join(" ")],
  ["socket", (config) => config.socket],
  ["state", (config) => config.state],
  ["capacity", (config) => String(config.capacity)],
  ["engine", (config) => config.engine],
  ["announce", (config) => String(config.announce)],
  ["control", (config) => {
    const { control } = config;
    if (control === undefined) return "none";
    const { listen, ca, certificate, key, leaseMs, reportMs } = control;
    return [formatEndpoint(listen), ca, certificate, key, leaseMs, reportMs].join(" ");
  }],
];

/** The keys that differ and need a restart; empty: the configuration can be taken over as it is. */
export function needsRestart(before: NatConfig, after: NatConfig): string[] {
  return FIXED.filter(([, value]) => value(before) !== value(after)).map(([key]) => key);
}
