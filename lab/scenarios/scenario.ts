import type { BypathLab } from "../bypath_lab.ts";
import type { Report } from "../report.ts";

/** A story with its own checks, told in a fresh lab. */
export interface Scenario {
  readonly name: string;
  /** One line, for `lab run --list`. */
  readonly description: string;
  /** Programs of the host that it needs besides `ip`. */
  readonly needs?: readonly string[];
  run(lab: BypathLab, report: Report): Promise<void>;
}
