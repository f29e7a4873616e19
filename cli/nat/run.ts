import { command, configOption, configPathOf } from "../command.ts";
import { loadNatRun } from "../modules.ts";
import { NAT_YAML_EXAMPLE } from "./example.ts";

export const natRun = () =>
  command("run", {
    summary: "run the NAT machine in the foreground until SIGTERM or SIGINT; SIGHUP reloads",
    example: `${NAT_YAML_EXAMPLE}bypath nat run --config nat.yaml`,
  })
    .addOption(configOption())
    .action(async (options, command) => {
      const configPath = configPathOf(command, options);
      const { runNat } = await loadNatRun();
      Deno.exitCode = await runNat({ configPath });
    });
