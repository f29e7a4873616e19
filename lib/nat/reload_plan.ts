/**
 * What a running NAT machine has to do so that another configuration is in force. Pure.
 *
 * @module
 */
import { type Change, changeInWords, differences, treeOfNat } from "../config/difference.ts";
import type { NatConfig } from "../config/nat_config.ts";
import type { IdentityPem } from "../control/own_identity.ts";
import { formatEndpoint } from "../wire/address.ts";
import { steeringRule } from "./steering.ts";

/** A configuration and what its files hold. */
export interface InForce {
  readonly config: NatConfig;
  /** Of this machine towards agents; null: no control channel. */
  readonly identity: IdentityPem | null;
}

export interface ReloadPlan {
  /** Every difference in words; none: nothing is to be done. */
  readonly lines: readonly string[];
  /** Keys that a running machine cannot change. */
  readonly fixed: readonly string[];
  /** Agents are to be received in another way. */
  readonly control: boolean;
}

/** What the datapath, the table or the host is built on. */
export const FIXED: readonly string[] = [
  "interfaces",
  "capacity",
  "socket",
  "state",
  "engine",
  "workers",
  "cpus",
  "busyPoll",
  "hostShield",
];

export function planReload(before: InForce, after: InForce): ReloadPlan {
  const changes = differences(treeOfNat(before.config), treeOfNat(after.config));
  const names = new Map(
    [before, after].flatMap(({ config }) =>
      config.services.map((it) => [`${it.protocol} ${formatEndpoint(it.vip)}`, it.name] as const)
    ),
  );
  const hasOtherFiles = before.identity !== null && after.identity !== null &&
    (["ca", "certificate", "key"] as const).some((it) =>
      before.identity![it] !== after.identity![it]
    );
  return {
    lines: [
      ...changes.map((change) => changeInWords(change, names)),
      ...(hasOtherFiles ? ["control: other certificates, for new connections"] : []),
    ],
    fixed: [...new Set([...changes.flatMap(fixedKey), ...otherSteering(before, after)])],
    // How many instructions an agent may have is no concern of its connection.
    control: hasOtherFiles ||
      changes.some(({ path }) => path[0] === "control" && path[1] !== "instructions"),
  };
}

/** With several packet workers, affinity decides which of them a client's sessions have. */
function otherSteering(before: InForce, after: InForce): string[] {
  if (before.config.workers === 1) return [];
  const rule = ({ config }: InForce) => JSON.stringify(steeringRule(config, 0));
  return rule(before) ===
      rule({ ...after, config: { ...after.config, workers: before.config.workers } })
    ? []
    : ["affinity (with several packet workers)"];
}

function fixedKey({ path, before, after }: Change): string[] {
  const [top] = path;
  // As the file calls it, without its unit.
  const key = top!.replace(/Us$/, "");
  if (FIXED.includes(key)) return [key];
  // Without a control section there are no agents, and nobody to talk to those that there were.
  return top === "control" && (before === null || after === null) ? ["control"] : [];
}
