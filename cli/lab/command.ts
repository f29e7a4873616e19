import { group } from "../command.ts";
import { labBench } from "./bench.ts";
import { labDemo } from "./demo.ts";
import { labExec } from "./exec.ts";
import { labDown, labStatus, labUp } from "./network.ts";
import { labRun } from "./run.ts";
import { labScaling } from "./scaling.ts";
import { labTraffic } from "./traffic.ts";

export const labCommand = () =>
  group("lab", {
    summary: "a lab of network namespaces on this host",
    example: "bypath lab demo",
  })
    .enablePositionalOptions()
    .addCommand(labUp())
    .addCommand(labDown())
    .addCommand(labStatus())
    .addCommand(labExec())
    .addCommand(labDemo())
    .addCommand(labRun())
    .addCommand(labBench())
    .addCommand(labScaling())
    .addCommand(labTraffic(), { hidden: true });
