/**
 * What the units ask systemd for, done by hand where systemd is not process 1: a user of its own with two
 * capabilities and no way to more, a file system that is read-only but for its own folder, no device but
 * those that are named, and no system call but those that the unit allows.
 */

/** An ordinary user that has no name here. */
export const USER = 64_123;

/** `sh` with: the folder that stays writable, `tun` or nothing, and the command. */
const SCRIPT = `
folder=$1
device=$2
shift 2
mount --make-rprivate /
mount -t tmpfs -o mode=755 tmpfs /dev/net
[ "$device" != tun ] || mknod -m 666 /dev/net/tun c 10 200
mount --bind "$folder" "$folder"
mount -o remount,bind,ro /
exec setpriv --reuid=${USER} --regid=${USER} --clear-groups --no-new-privs \\
  --inh-caps=-all,+net_admin,+net_raw --ambient-caps=-all,+net_admin,+net_raw \\
  --bounding-set=-all,+net_admin,+net_raw -- "$@"
`;

/** What a unit allows. */
export interface Unit {
  /** Names and, with an `@`, groups of system calls. */
  readonly calls: { readonly allowed: readonly string[]; readonly denied: readonly string[] };
  readonly addressFamilies: readonly string[];
}

/** Reads the lines of a unit that are about system calls and sockets. */
export async function readUnit(path: string): Promise<Unit> {
  const allowed: string[] = [];
  const denied: string[] = [];
  let addressFamilies: string[] = [];
  for (const line of (await Deno.readTextFile(path)).split("\n")) {
    const [key, value = ""] = line.split("=", 2);
    const words = value.replace("~", "").split(" ");
    if (key === "RestrictAddressFamilies") addressFamilies = words;
    if (key !== "SystemCallFilter") continue;
    if (value.startsWith("~")) {
      denied.push(...words);
      continue;
    }
    allowed.push(...words);
  }
  return { calls: { allowed, denied }, addressFamilies };
}

/**
 * The system calls that a unit does not allow, of all that systemd knows. What is allowed by its own name
 * stays allowed whatever group it is in.
 */
export async function deniedCalls({ calls }: Unit): Promise<Set<string>> {
  const all = await callsOf(["@known"]);
  const allowed = await callsOf(calls.allowed);
  for (const call of await callsOf(calls.denied)) {
    if (!calls.allowed.includes(call)) allowed.delete(call);
  }
  return new Set([...all].filter((call) => !allowed.has(call)));
}

async function callsOf(names: readonly string[]): Promise<Set<string>> {
  const calls = new Set<string>();
  for (const name of names) {
    if (!name.startsWith("@")) calls.add(name);
    else {
      const { stdout } = await new Deno.Command("systemd-analyze", {
        args: ["syscall-filter", name],
        env: { NO_COLOR: "1", SYSTEMD_PAGER: "" },
      }).output();
      const words = new TextDecoder().decode(stdout).split("\n").map((line) => line.trim());
      const members = words.filter((word) => /^@?[\w-]+$/.test(word) && word !== name);
      for (const call of await callsOf(members)) calls.add(call);
    }
  }
  return calls;
}

export interface ConfineOptions {
  readonly folder: string;
  readonly tun: boolean;
  readonly denied: ReadonlySet<string>;
  /** Where the calls that were refused, and the sockets that were opened, are noted. */
  readonly log: string;
  readonly env: Readonly<Record<string, string>>;
}

/** The command that runs `argv` like that. */
export function confined(argv: readonly string[], options: ConfineOptions): string[] {
  const { folder, tun, denied, log, env } = options;
  // Unknown to strace: none of this machine's.
  const calls = [...denied].map((call) => `?${call}`).join(",");
  const environment = Object.entries({ PATH: "/usr/sbin:/usr/bin:/sbin:/bin", ...env })
    .map(([name, value]) => `${name}=${value}`);
  const strace = ["strace", "-f", "--seccomp-bpf", "-qqq", "-o", log];
  const filter = ["-e", `trace=${calls},socket`, "-e", `inject=${calls}:error=EPERM`];
  const inner = ["env", "-i", ...environment, ...strace, ...filter, ...argv];
  return ["unshare", "--mount", "sh", "-ec", SCRIPT, "sh", folder, tun ? "tun" : "", ...inner];
}

/** Gives a folder and all in it to the user. */
export async function giveToUser(folder: string): Promise<void> {
  const { success } = await new Deno.Command("chown", { args: ["-R", `${USER}:${USER}`, folder] })
    .output();
  if (!success) throw new Error(`Cannot give "${folder}" to user ${USER}`);
}
