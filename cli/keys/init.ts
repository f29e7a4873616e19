import { command, jsonOption } from "../command.ts";
import { loadKeys } from "../modules.ts";
import { dirOf, dirOption } from "./dir.ts";
import { printFiles } from "./print_files.ts";

export const keysInit = () =>
  command("init", {
    summary: "make a private certificate authority: DIR/ca.pem and DIR/ca.key",
    example: "bypath keys init --dir keys",
  })
    .addOption(dirOption())
    .addOption(jsonOption())
    .action(async ({ json, ...options }, command) => {
      const dir = dirOf(command, options);
      const { initKeys } = await loadKeys();
      printFiles(await initKeys(dir), json);
    });
