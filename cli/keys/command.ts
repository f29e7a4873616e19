import { group } from "../command.ts";
import { keysInit } from "./init.ts";
import { keysIssue } from "./issue.ts";

export const keysCommand = () =>
  group("keys", {
    summary: "certificates for the control channel",
    example: "bypath keys init --dir keys",
  })
    .addCommand(keysInit())
    .addCommand(keysIssue());
