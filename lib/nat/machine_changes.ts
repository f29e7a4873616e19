/** What a reload and a takeover do to a running NAT machine, by its parts. */
import type { NatConfig } from "../config/nat_config.ts";
import type { PacketThreads } from "../datapath/packet_threads.ts";
import type { PacketThread } from "../datapath/packet_thread.ts";
import type { AgentDoor } from "./agent_door.ts";
import type { Announcing } from "./announcing.ts";
import { destinationsOf } from "./datapath_config.ts";
import { type DrainWatch, removedServers } from "./drain_watch.ts";
import type { HostRoutes } from "./host_routes.ts";
import { type NatMachine, NO_LEASE_MS } from "./nat_machine.ts";
import type { ReliefTargets } from "./relief.ts";
import type { ReloadTargets } from "./reload.ts";
import type { PreparedMetrics } from "../metrics/metrics_door.ts";
import type { PreparedPool } from "./server_pool.ts";

/** Parts of the machine that are nobody else's business. */
export interface ChangingParts {
  readonly threads: PacketThreads;
  /** Has the kernel steer packets as another configuration wants it. */
  readonly steer: (config: NatConfig) => void;
  readonly routes: HostRoutes;
  readonly door: AgentDoor | null;
  readonly announcing: Announcing;
  readonly drains: DrainWatch;
}

export function reloadTargetsOf(machine: NatMachine, parts: ChangingParts): ReloadTargets {
  const { threads, steer, routes, door, announcing, drains } = parts;
  /** What the worker has taken and the machine not yet. */
  let prepared: PreparedPool | null = null;
  let metrics: PreparedMetrics | null = null;
  return {
    addRoutes: (config) => routes.add(destinationsOf(config)),
    announce: (config) => announcing.use(config),
    receiveAgents: async ({ config: { control }, identity }) => {
      // Whoever connects from now on may have been told either lease.
      const before = machine.config.control!.leaseMs;
      useLease(machine, Math.max(before, control!.leaseMs));
      const undo = await door!.change(control!, identity!);
      return async () => {
        await undo();
        useLease(machine, before);
      };
    },
    serveMetrics: async (config) => {
      const opened = metrics = await machine.metrics.prepare(config.metrics);
      return () => opened.cancel();
    },
    translate: async (config) => {
      prepared = machine.servers.prepare(config);
      // Before the worker knows the services: their numbers are other ones then.
      machine.gates.configure(config);
      const taken: PacketThread[] = [];
      try {
        // One after the other: what the first one writes into the table the others find there.
        for (const thread of threads.all) {
          await thread.request({ kind: "configure", config: prepared.datapath });
          taken.push(thread);
        }
        steer(config);
      } catch (error) {
        const before = machine.servers.datapath(machine.config);
        for (const thread of taken) await thread.request({ kind: "configure", config: before });
        machine.gates.configure(machine.config);
        throw error;
      }
    },
    switch: ({ config, identity }) => {
      drains.removed(removedServers(machine.config, config));
      machine.config = config;
      machine.identity = identity;
      machine.book.setLease(config.control?.leaseMs ?? NO_LEASE_MS);
      prepared?.take();
      void metrics?.take();
      machine.bypass.configure(config);
      machine.progress.configure(config);
      machine.firstHop.configure(config);
      door?.announce();
    },
  };
}

function useLease({ leases, book }: NatMachine, leaseMs: number): void {
  leases.use(leaseMs);
  book.setLease(leaseMs);
}

export function reliefTargetsOf(machine: NatMachine, parts: ChangingParts): ReliefTargets {
  const { threads, steer, routes, door } = parts;
  let isFrozen = false;
  const pause = async () => {
    const sockets = threads.all.map((it) => it.request({ kind: "pause" }) as Promise<number[]>);
    return (await Promise.all(sockets)).flat();
  };
  return {
    get isFrozen() {
      return isFrozen;
    },
    freeze: async () => {
      isFrozen = true;
      door?.hold();
      // What the worker has told leads to commands, which it is still to carry out: all is in the table then.
      for (let round = 0; round < 2; round++) {
        await pause();
        threads.drain();
        machine.bypass.retryCommands();
      }
      return await pause();
    },
    thaw: () => {
      isFrozen = false;
      // The other process may have had the kernel steer to another number of workers.
      steer(machine.config);
      threads.post({ kind: "resume" });
      door?.release();
    },
    letGo: async () => {
      machine.ready = false;
      routes.handOver();
      await machine.metrics[Symbol.asyncDispose]();
      await door?.close("another process takes over");
    },
  };
}
