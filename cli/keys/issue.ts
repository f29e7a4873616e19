import { Option } from "@commander-js/extra-typings";
import { command, jsonOption, required } from "../command.ts";
import { loadKeys } from "../modules.ts";
import { dirOf, dirOption } from "./dir.ts";
import { printFiles } from "./print_files.ts";

const ADDRESS = "--address <ip...>";

export const keysIssue = () =>
  command("issue", {
    summary: "make DIR/NAME.pem and DIR/NAME.key, signed by the authority in DIR",
    example: "bypath keys init --dir keys\n" +
      "bypath keys issue s1 --address 10.0.0.11 --dir keys",
  })
    .argument("<name>", "name of the NAT machine or agent")
    .option(ADDRESS, "addresses that the holder speaks for (required)")
    .addOption(dirOption())
    .addOption(
      new Option("--role <role>", "what the certificate is good for; default: both")
        .choices(["nat", "agent"] as const),
    )
    .addOption(jsonOption())
    .action(async (name, { address, role, json, ...options }, command) => {
      const addresses = required(command, ADDRESS, address);
      const dir = dirOf(command, options);
      const { issueKeys } = await loadKeys();
      try {
        printFiles(await issueKeys(dir, { name, addresses, role: role ?? "any" }), json);
      } catch (error) {
        // A name or an address that is none.
        if (error instanceof SyntaxError) command.error(error.message);
        throw error;
      }
    });
