import { group } from "../command.ts";
import { natBypass } from "./bypass.ts";
import { natCheck } from "./check.ts";
import { natDrain, natUndrain } from "./drain.ts";
import { natReload } from "./reload.ts";
import { natRun } from "./run.ts";

export const natCommand = () =>
  group("nat", { summary: "the NAT machine", example: "bypath nat check --config nat.yaml" })
    .addCommand(natRun())
    .addCommand(natCheck())
    .addCommand(natReload())
    .addCommand(natBypass())
    .addCommand(natDrain())
    .addCommand(natUndrain());
