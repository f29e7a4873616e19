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

export interface AgentRunModule {
  runAgent(options: RunOptions): Promise<number>;
}

export interface AgentCheckModule {
  checkAgent(options: CheckOptions): Promise<number>;
}

export const loadNatRun = () => import("../lib/nat/run.ts");
export const loadNatCheck = () => import("../lib/nat/check.ts");
export const loadAgentRun = () => load<AgentRunModule>("../lib/agent/run.ts");
export const loadAgentCheck = () => load<AgentCheckModule>("../lib/agent/check.ts");
export const loadInspect = () => import("../lib/inspect/commands.ts");
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
