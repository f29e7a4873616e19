/**
 * Tests that need a privilege or a program of the host.
 *
 * On a developer's machine such a test is skipped, and its name tells what is lacking. In CI (`CI`
 * is set) nothing may be lacking, so it fails there instead.
 */

/** Bit numbers in `CapEff` of /proc/self/status (linux/capability.h). */
const CAPABILITY_BITS = {
  CAP_DAC_OVERRIDE: 1,
  CAP_NET_BIND_SERVICE: 10,
  CAP_NET_ADMIN: 12,
  CAP_NET_RAW: 13,
  CAP_IPC_LOCK: 14,
  CAP_SYS_ADMIN: 21,
  CAP_SYS_NICE: 23,
} as const;

export type Capability = keyof typeof CAPABILITY_BITS;

/** What a test needs of its host. */
export interface RootTestOptions {
  /** Effective capabilities; default CAP_NET_ADMIN and CAP_NET_RAW. */
  readonly capabilities?: readonly Capability[];
  /** Programs that must be in PATH, such as "nginx". */
  readonly tools?: readonly string[];
  /** The test fails when it runs for longer; default 120,000. */
  readonly timeoutMs?: number;
}

const DEFAULT_CAPABILITIES: readonly Capability[] = ["CAP_NET_ADMIN", "CAP_NET_RAW"];

/** Like `Deno.test`, for a test that needs capabilities or programs. */
export function rootTest(
  name: string,
  options: RootTestOptions,
  fn: (context: Deno.TestContext) => void | Promise<void>,
): void {
  const { capabilities = DEFAULT_CAPABILITIES, tools = [], timeoutMs = 120_000 } = options;
  const lacking = [...missingCapabilities(capabilities), ...missingTools(tools)];
  if (lacking.length === 0) {
    Deno.test({ name, fn, timeout: timeoutMs });
  } else if (Deno.env.get("CI")) {
    const needs = `Cannot run "${name}": needs ${lacking.join(", ")}`;
    Deno.test(name, () => Promise.reject(new Error(needs)));
  } else {
    Deno.test({ name: `${name} (needs ${lacking.join(", ")})`, ignore: true, fn });
  }
}

/** The capabilities of `wanted` that this process does not have in force. */
export function missingCapabilities(wanted: readonly Capability[]): Capability[] {
  const status = Deno.readTextFileSync("/proc/self/status");
  const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? "0"}`);
  return wanted.filter((name) => ((effective >> BigInt(CAPABILITY_BITS[name])) & 1n) === 0n);
}

/** The programs of `wanted` that are in no folder of PATH. */
export function missingTools(wanted: readonly string[]): string[] {
  // Debian's PATH of an ordinary user leaves out the sbin folders, where nft and nginx are.
  const folders = [...(Deno.env.get("PATH") ?? "").split(":"), "/usr/sbin", "/sbin"];
  return wanted.filter((tool) => !folders.some((folder) => isExecutable(`${folder}/${tool}`)));
}

function isExecutable(path: string): boolean {
  try {
    const info = Deno.statSync(path);
    return info.isFile && ((info.mode ?? 0) & 0o111) !== 0;
  } catch {
    return false;
  }
}
