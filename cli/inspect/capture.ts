import { command, jsonOption, socketOption } from "../command.ts";

export const inspectCapture = () =>
  command("capture", {
    summary: "live packets at both ends of the translation (not available in this version)",
    example: "bypath inspect capture -w packets.pcapng",
  })
    .argument("[filter...]", "which packets")
    .option("-w, --write <file>", "write a pcapng file")
    .addOption(socketOption())
    .addOption(jsonOption())
    .action(() => {
      throw new Error("Cannot capture packets: not available in this version");
    });
