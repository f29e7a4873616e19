import type { NatConfig } from "../config/nat_config.ts";
import type { InForce, ReloadPlan } from "./reload_plan.ts";

/** Takes back what was done; must not fail. */
export type Undo = () => void | Promise<void>;

/** What a reload does to a running machine. Each of these does all of its part or, on an error, none of it. */
export interface ReloadTargets {
  /** The host must neither answer nor forward what is ours. */
  addRoutes(config: NatConfig): Undo;
  /** Whether addresses are answered for on the link, and which. */
  announce(config: NatConfig): Undo | Promise<Undo>;
  /** Where agents are received, and with which certificates and lease. */
  receiveAgents(after: InForce): Promise<Undo>;
  /** Where metrics are served. */
  serveMetrics(config: NatConfig): Promise<Undo>;
  /** The packet worker: services, SNAT, timeouts. */
  translate(config: NatConfig): Promise<void>;
  /** Everything else: what cannot fail. */
  switch(after: InForce): void;
}

/**
 * Puts another configuration in force: all of it or, on an error, none of it. What can fail comes
 * first, and is taken back in reverse when something after it fails.
 */
export async function applyReload(
  targets: ReloadTargets,
  after: InForce,
  plan: ReloadPlan,
): Promise<void> {
  const undo: Undo[] = [];
  try {
    undo.push(targets.addRoutes(after.config));
    undo.push(await targets.announce(after.config));
    if (plan.control) undo.push(await targets.receiveAgents(after));
    undo.push(await targets.serveMetrics(after.config));
    await targets.translate(after.config);
  } catch (error) {
    for (const takeBack of undo.reverse()) await takeBack();
    throw error;
  }
  targets.switch(after);
}

/** What came of a reload, or would come of it. */
export interface Reloaded {
  readonly message: string;
  /** Each difference in words. */
  readonly changes: readonly string[];
}
