import { command } from "../command.ts";
import { loadLab } from "../modules.ts";
import { nameOption } from "./options.ts";

export const labExec = () =>
  command("exec", {
    summary: "run a command on a machine of the lab; its exit status becomes this one's",
    example: "bypath lab exec s1 -- ip address",
  })
    .usage("[options] NODE -- CMD...")
    .argument("<node>", "client, router, switch, nat, s1 or s2")
    .argument("<cmd...>", "the command and its arguments")
    .addOption(nameOption())
    .passThroughOptions()
    .action(async (node, cmd, options) => {
      const { labCommand } = await loadLab();
      // Everything after NODE arrives as it was written.
      const argv = cmd[0] === "--" ? cmd.slice(1) : cmd;
      Deno.exitCode = await labCommand("exec", { ...options, args: [node, ...argv] });
    });
