export type LabCommandName =
  | "up"
  | "down"
  | "status"
  | "exec"
  | "run"
  | "demo"
  | "bench"
  | "scaling"
  | "traffic";

/** What the command line says, for every `bypath lab` command alike. */
export interface LabCommandOptions {
  /** `--name`. Default: `bypath` for up, down, status and exec; one of its own for run and demo. */
  readonly name?: string;
  /** `--json`. */
  readonly json?: boolean;
  /** `lab run --brief`: the short form of each scenario. */
  readonly brief?: boolean;
  /** `lab bench --subject`. */
  readonly subject?: readonly string[];
  /** `lab bench --rounds`. */
  readonly rounds?: number;
  /** `lab bench --seconds`. */
  readonly seconds?: number;
  /** `lab bench --quick`. */
  readonly quick?: boolean;
  /** `lab bench --from`, `lab scaling --from`. */
  readonly from?: readonly string[];
  /** `lab bench --markdown`, `lab scaling --markdown`. */
  readonly markdown?: boolean;
  /** `lab scaling --assume`: each `NAME=VALUE`. */
  readonly assume?: readonly string[];
  /** `lab scaling --seed`. */
  readonly seed?: number;
  /** `lab demo --report`, `lab bench --report`. */
  readonly report?: string;
  /** `lab run --all`. */
  readonly all?: boolean;
  /** `lab run --list`, `lab bench --list`. */
  readonly list?: boolean;
  /** What follows: NODE CMD… of exec, SCENARIO… of run, BENCH… of bench, everything of traffic. */
  readonly args?: readonly string[];
}

/** The lab of `lab up`. */
export const DEFAULT_LAB_NAME = "bypath";

/** Wrong usage, told in one line; exit status 2. */
export class LabUsageError extends Error {
  override readonly name = "LabUsageError";
}
