import { command, group, jsonOption, socketOption } from "../command.ts";
import type { VerbTarget } from "../../lib/inspect/options.ts";
import { loadInspect } from "../modules.ts";
import { checkServer } from "../targets.ts";

export const natBypass = () =>
  group("bypass", {
    summary: "stop the bypass, or let the criteria decide again",
    example: "bypath nat bypass stop --all",
  })
    .addCommand(bypassVerb("stop", "send responses by way of the NAT machine until bypass start"))
    .addCommand(bypassVerb("start", "let the criteria decide again"));

function bypassVerb(verb: "stop" | "start", summary: string) {
  return command(verb, { summary, example: `bypath nat bypass ${verb} --service web` })
    .option("--session <id>", "one session")
    .option("--server <address[:port]>", "all sessions of a server, new ones too")
    .option("--service <name>", "all sessions of a service, new ones too")
    .option("--all", "all sessions, new ones too")
    .addOption(socketOption())
    .addOption(jsonOption())
    .action(async ({ session, server, service, all, json = false, ...options }, command) => {
      const targets: VerbTarget[] = [];
      if (session !== undefined) targets.push({ kind: "session", name: session });
      if (server !== undefined) targets.push({ kind: "server", name: server });
      if (service !== undefined) targets.push({ kind: "service", name: service });
      if (all) targets.push({ kind: "all" });
      const [target] = targets;
      if (target === undefined || targets.length > 1) {
        command.error("needs one of --session, --server, --service and --all");
      }
      if (server !== undefined) await checkServer(command, server);
      const { natVerb } = await loadInspect();
      Deno.exitCode = await natVerb({ verb: `bypass ${verb}`, target, json, ...options });
    });
}
