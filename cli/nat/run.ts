import { Log } from "../../lib/control/log.ts";
import {
  command,
  configOption,
  configPathOf,
  logFormatOption,
  logLevelOption,
} from "../command.ts";
import { loadNatRun } from "../modules.ts";
import { NAT_YAML_EXAMPLE } from "./example.ts";

export const natRun = () =>
  command("run", {
    summary: "run the NAT machine in the foreground until SIGTERM or SIGINT; SIGHUP reloads",
    example: `${NAT_YAML_EXAMPLE}bypath nat run --config nat.yaml`,
  })
    .addOption(configOption())
    .addOption(logFormatOption())
    .addOption(logLevelOption())
    .option(
      "--takeover [socket]",
      "take the place of the NAT machine that runs, without a pause; it answers at this socket " +
        "(default: the configuration's)",
    )
    .action(async (options, command) => {
      const configPath = configPathOf(command, options);
      const { runNat } = await loadNatRun();
      const { takeover } = options;
      Deno.exitCode = await runNat({
        configPath,
        log: new Log({ format: options.log, level: options.logLevel }),
        ...(takeover !== undefined && { takeover: takeover === true ? "" : takeover }),
      });
    });
