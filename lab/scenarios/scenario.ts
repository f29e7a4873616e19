import type { BypathLab } from "../bypath_lab.ts";
import type { Report } from "../report.ts";

/** What scenarios are about; `lab run GROUP` runs all of one. */
export const SCENARIO_GROUPS = ["paths", "faults", "limits"] as const;
export type ScenarioGroup = (typeof SCENARIO_GROUPS)[number];

export interface ScenarioOptions {
  /** The short form that CI runs: the same checks, with less traffic and shorter waits. */
  readonly brief: boolean;
}

/** A story with its own checks, told in a fresh lab. */
export interface Scenario {
  readonly name: string;
  readonly group: ScenarioGroup;
  /** One line, for `lab run --list`. */
  readonly description: string;
  /** Programs of the host that it needs besides `ip`. */
  readonly needs?: readonly string[];
  run(lab: BypathLab, report: Report, options: ScenarioOptions): Promise<void>;
}
