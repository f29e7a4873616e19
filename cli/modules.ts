/**
 * What the subcommands call. Each module is loaded only by the command that needs it, so that the others start quickly.
 * Every function returns the exit status.
 *
 * @module
 */

export interface RunOptions {
  readonly configPath: string;
}

export interface CheckOptions extends RunOptions {
  readonly json: boolean;
}

export interface NatRunModule {
  runNat(options: RunOptions): Promise<number>;
}

export interface NatCheckModule {
  checkNat(options: CheckOptions): Promise<number>;
}

export interface AgentRunModule {
  runAgent(options: RunOptions): Promise<number>;
}

export interface AgentCheckModule {
  checkAgent(options: CheckOptions): Promise<number>;
}

/** `inspect WHAT`. Filters that were not given are absent. */
export interface InspectOptions {
  readonly what:
    | "status"
    | "services"
    | "servers"
    | "sessions"
    | "instructions"
    | "events"
    | "explain";
  /** Absent: the NAT machine's default socket, then the agent's. */
  readonly socket?: string;
  readonly json: boolean;
  readonly service?: string;
  /** `ADDRESS` or `ADDRESS:PORT`, checked. */
  readonly server?: string;
  /** `ADDRESS` or `ADDRESS:PORT`, checked. */
  readonly client?: string;
  readonly path?: "nat" | "bypass";
  /** Name of a column. */
  readonly sort?: string;
  readonly limit?: number;
  /** Of events: go on as more happen. */
  readonly follow?: boolean;
  /** Of explain: `tcp 198.51.100.2:40000 > 203.0.113.10:80`. */
  readonly packet?: string;
}

/** What a verb is about. */
export type VerbTarget =
  | { readonly kind: "session" | "service"; readonly name: string }
  /** `ADDRESS` or `ADDRESS:PORT`, checked. */
  | { readonly kind: "server"; readonly name: string }
  | { readonly kind: "all" };

/** `nat VERB`. */
export interface VerbOptions {
  readonly verb: "reload" | "bypass stop" | "bypass start" | "drain" | "undrain";
  /** Absent: of `reload`. */
  readonly target?: VerbTarget;
  readonly socket?: string;
  readonly json: boolean;
}

export interface InspectModule {
  inspectCommand(options: InspectOptions): Promise<number>;
  natVerb(options: VerbOptions): Promise<number>;
}

export const loadNatRun = () => load<NatRunModule>("../lib/nat/run.ts");
export const loadNatCheck = () => load<NatCheckModule>("../lib/nat/check.ts");
export const loadAgentRun = () => load<AgentRunModule>("../lib/agent/run.ts");
export const loadAgentCheck = () => load<AgentCheckModule>("../lib/agent/check.ts");
export const loadInspect = () => load<InspectModule>("../lib/inspect/commands.ts");
export const loadLab = () => import("../lab/cli.ts");
export const loadKeys = () => import("../lib/control/keys.ts");

/** A module by a name that is only known when it runs, as it may not be there. */
async function load<Module>(path: string): Promise<Module> {
  try {
    return await import(new URL(path, import.meta.url).href);
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    if (code !== "ERR_MODULE_NOT_FOUND" || !message.includes(path.slice(2))) throw error;
    throw new Error(`Cannot run this command: this build has no ${path.slice(3)}`);
  }
}
