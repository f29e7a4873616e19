/**
 * The command that starts this very program again, in whatever form it runs: from a checkout, as a
 * bundle, as a standalone executable. `BYPATH_EXECUTABLE` names another one, so that the same lab
 * and the same tests judge the executable that users get.
 */
export function selfCommand(): readonly string[] {
  const executable = Deno.env.get("BYPATH_EXECUTABLE");
  if (executable !== undefined && executable !== "") return [executable];
  if (Deno.build.standalone) return [Deno.execPath()];
  const here = new URL(import.meta.url);
  // In a checkout, whoever the main module is (a test, too). In a bundle all modules are one file.
  const main = here.pathname.endsWith("/lib/datapath/self_command.ts")
    ? new URL("../../cli/main.ts", here).href
    : Deno.mainModule;
  return [Deno.execPath(), "run", "--allow-all", "--quiet", main];
}
