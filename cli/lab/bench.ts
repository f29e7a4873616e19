import { command, jsonOption } from "../command.ts";

export const labBench = () =>
  command("bench", {
    summary: "measure against the peers installed on this host (not available in this version)",
    example: "bypath lab bench",
  })
    .addOption(jsonOption())
    .action(() => {
      throw new Error("Cannot measure against peers: not available in this version");
    });
