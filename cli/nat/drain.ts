import { command, jsonOption, socketOption } from "../command.ts";
import { loadInspect } from "../modules.ts";
import { checkServer } from "../targets.ts";

export const natDrain = () =>
  drainVerb("drain", "give a server no new sessions; its sessions live on");
export const natUndrain = () => drainVerb("undrain", "give a server new sessions again");

function drainVerb(verb: "drain" | "undrain", summary: string) {
  return command(verb, { summary, example: `bypath nat ${verb} 10.0.0.11:8080` })
    .argument("<server>", "ADDRESS, or ADDRESS:PORT for one of its ports")
    .addOption(socketOption())
    .addOption(jsonOption())
    .action(async (server, { json = false, ...options }, command) => {
      await checkServer(command, server);
      const { natVerb } = await loadInspect();
      const target = { kind: "server", name: server } as const;
      Deno.exitCode = await natVerb({ verb, target, json, ...options });
    });
}
