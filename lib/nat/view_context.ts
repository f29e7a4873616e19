import { bootTimeMs } from "../linux/clock.ts";
import type { ViewContext } from "../session/session_view.ts";
import { formatEndpoint } from "../wire/address.ts";
import type { NatMachine } from "./nat_machine.ts";

/** How records are shown; the names come from the configuration in force. */
export function viewContext(machine: NatMachine): ViewContext {
  const names = new Map(
    machine.config.services.map((it) => [`${it.protocol} ${formatEndpoint(it.vip)}`, it.name]),
  );
  const left = leases(machine);
  return {
    nowMs: bootTimeMs(),
    serviceName: (vip, protocol) => names.get(`${protocol} ${vip}`) ?? vip,
    leaseMs: (server) => left[server] ?? 0,
  };
}

/** What is left of the lease of the agent of each server with an instruction. */
export function leases(machine: NatMachine): Record<string, number> {
  const left: Record<string, number> = {};
  for (const { match, leaseMs } of machine.book.instructions(bootTimeMs())) {
    left[match.source] = Math.round(leaseMs);
  }
  return left;
}
