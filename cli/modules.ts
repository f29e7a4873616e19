/**
 * What the subcommands call. Each module is loaded only by the command that needs it, so that the others start quickly.
 *
 * @module
 */

export const loadNatRun = () => import("../lib/nat/run.ts");
export const loadNatCheck = () => import("../lib/nat/check.ts");
export const loadAgentRun = () => import("../lib/agent/run.ts");
export const loadAgentCheck = () => import("../lib/agent/check.ts");
export const loadInspect = () => import("../lib/inspect/commands.ts");
export const loadDashboard = () => import("../lib/inspect/dashboard/serve.ts");
export const loadLab = () => import("../lab/cli.ts");
export const loadKeys = () => import("../lib/control/keys.ts");
