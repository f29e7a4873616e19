/** Where each shell looks for the completion of a command. */
const PATHS = {
  bash: "usr/share/bash-completion/completions/bypath",
  zsh: "usr/share/zsh/vendor-completions/_bypath",
  fish: "usr/share/fish/vendor_completions.d/bypath.fish",
} as const;

/** What `bypath complete SHELL` prints, by the path of its file. */
export async function completionScripts(): Promise<Readonly<Record<string, string>>> {
  const scripts: Record<string, string> = {};
  for (const [shell, path] of Object.entries(PATHS)) scripts[path] = await scriptOf(shell);
  return scripts;
}

async function scriptOf(shell: string): Promise<string> {
  const main = new URL("../main.ts", import.meta.url).pathname;
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", main, "complete", shell],
  }).output();
  const decoder = new TextDecoder();
  if (!success) {
    throw new Error(`Cannot make the completion of ${shell}: ${decoder.decode(stderr)}`);
  }
  return decoder.decode(stdout);
}
