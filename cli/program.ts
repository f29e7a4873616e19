import project from "../deno.json" with { type: "json" };
import { agentCommand } from "./agent/command.ts";
import { command } from "./command.ts";
import { completeCommand } from "./complete.ts";
import { inspectCommand } from "./inspect/command.ts";
import { keysCommand } from "./keys/command.ts";
import { labCommand } from "./lab/command.ts";
import { natCommand } from "./nat/command.ts";

/** The whole command line. */
export const createProgram = () => createCommands().addCommand(completeCommand());

/** All of it that a shell completes. */
export function createCommands() {
  return command("bypath", {
    summary: "A NAT load balancer whose servers answer the clients directly.",
    example: "bypath lab demo",
  })
    .usage("COMMAND")
    .version(`bypath ${project.version}`, "-V, --version", "show the version")
    .helpCommand("help [command]", "show the help of a command")
    .enablePositionalOptions()
    .addCommand(natCommand())
    .addCommand(agentCommand())
    .addCommand(inspectCommand())
    .addCommand(labCommand())
    .addCommand(keysCommand());
}
