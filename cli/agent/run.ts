import { Log } from "../../lib/control/log.ts";
import {
  command,
  configOption,
  configPathOf,
  logFormatOption,
  logLevelOption,
} from "../command.ts";
import { loadAgentRun } from "../modules.ts";
import { AGENT_YAML_EXAMPLE } from "./example.ts";

export const agentRun = () =>
  command("run", {
    summary: "run the agent in the foreground until SIGTERM or SIGINT",
    example: `${AGENT_YAML_EXAMPLE}bypath agent run --config agent.yaml`,
  })
    .addOption(configOption())
    .addOption(logFormatOption())
    .addOption(logLevelOption())
    .action(async (options, command) => {
      const configPath = configPathOf(command, options);
      const { runAgent } = await loadAgentRun();
      Deno.exitCode = await runAgent({
        configPath,
        log: new Log({ format: options.log, level: options.logLevel }),
      });
    });
