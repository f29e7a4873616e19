import { command, configOption, configPathOf, jsonOption } from "../command.ts";
import { loadNatCheck } from "../modules.ts";
import { NAT_YAML_EXAMPLE } from "./example.ts";

export const natCheck = () =>
  command("check", {
    summary: "say what a configuration means, or everything that is wrong with it",
    example: `${NAT_YAML_EXAMPLE}bypath nat check --config nat.yaml`,
  })
    .addOption(configOption())
    .addOption(jsonOption())
    .action(async ({ json = false, ...options }, command) => {
      const configPath = configPathOf(command, options);
      const { checkNat } = await loadNatCheck();
      Deno.exitCode = await checkNat({ configPath, json });
    });
