import { command, configOption, configPathOf, jsonOption } from "../command.ts";
import { loadAgentCheck } from "../modules.ts";
import { AGENT_YAML_EXAMPLE } from "./example.ts";

export const agentCheck = () =>
  command("check", {
    summary: "say what a configuration means, and whether this host can bypass",
    example: `${AGENT_YAML_EXAMPLE}bypath agent check --config agent.yaml`,
  })
    .addOption(configOption())
    .addOption(jsonOption())
    .action(async ({ json = false, ...options }, command) => {
      const configPath = configPathOf(command, options);
      const { checkAgent } = await loadAgentCheck();
      Deno.exitCode = await checkAgent({ configPath, json });
    });
