/** What tests can leave behind on a host: network namespaces, interfaces, our own processes. */
export async function hostState(): Promise<Set<string>> {
  const state = new Set<string>();
  for (const line of await ip(["netns", "list"])) state.add(`network namespace ${firstWord(line)}`);
  for (const line of await ip(["-brief", "link"])) state.add(`interface ${firstWord(line)}`);
  for (const { name } of Deno.readDirSync("/proc")) {
    const command = /^\d+$/.test(name) ? commandLine(name) : "";
    if (/cli\/main\.[jt]s /.test(command)) state.add(`process ${name}: ${command}`);
  }
  return state;
}

/** What is in `after` and was not there before. */
export function leftBehind(before: ReadonlySet<string>, after: ReadonlySet<string>): string[] {
  return [...after].filter((thing) => !before.has(thing));
}

async function ip(args: string[]): Promise<string[]> {
  const { stdout } = await new Deno.Command("ip", { args, stderr: "null" }).output();
  return new TextDecoder().decode(stdout).split("\n").filter((line) => line !== "");
}

/** `eth0` of `eth0@if7   UP   …`. */
function firstWord(line: string): string {
  return line.split(/[\s@]/, 1)[0]!;
}

function commandLine(pid: string): string {
  try {
    return Deno.readTextFileSync(`/proc/${pid}/cmdline`).replaceAll("\0", " ");
  } catch {
    return ""; // it has ended
  }
}
