import { command } from "./command.ts";
import bashScript from "./completion.bash" with { type: "text" };

/** Options whose values are paths. */
const PATH_OPTIONS = new Set(["config", "dir", "from", "report", "socket", "write"]);

export const completeCommand = () =>
  command("complete", {
    summary: "print the script that completes commands in a shell",
    example: `eval "$(bypath complete bash)"`,
  })
    .usage("SHELL")
    .argument("[shell]", "bash, zsh, fish or powershell")
    // The script asks by `bypath complete -- WORDS`.
    .allowExcessArguments()
    .action(async (shell) => {
      // The library's own script has bash expand file names, and so run what is in them.
      if (shell === "bash" && !Deno.args.includes("--")) return console.log(bashScript.trimEnd());
      const [{ default: tab }, { createCommands }, { liveValues }] = await Promise.all([
        import("@bomb.sh/tab/commander"),
        import("./program.ts"),
        import("./live_values.ts"),
      ]);
      const program = createCommands();
      // The same object, seen through commander's own types instead of the stricter ones used here.
      const completion = tab(program as unknown as Parameters<typeof tab>[0]);
      const asked = (Deno.args.at(-2) ?? "").replace(/^--/, "");
      const values = PATH_OPTIONS.has(asked)
        ? pathsFrom(Deno.args.at(-1) ?? "")
        : await liveValues(asked, Deno.args);
      for (const { options } of completion.commands.values()) {
        const option = options.get(asked);
        if (option === undefined || values.length === 0) continue;
        option.handler = (complete) => values.forEach((value) => complete(value, ""));
      }
      await program.parseAsync(Deno.args, { from: "user" });
    });

/** What is in the directory that a path begun points into; directories end with a slash. */
function pathsFrom(begun: string): string[] {
  const directory = begun.slice(0, begun.lastIndexOf("/") + 1);
  try {
    return Array.from(
      Deno.readDirSync(directory || "."),
      (entry) => directory + entry.name + (entry.isDirectory ? "/" : ""),
    ).sort();
  } catch {
    return [];
  }
}
