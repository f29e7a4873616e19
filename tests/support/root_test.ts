/**
 * Tests that need a privilege or a program of the host.
 *
 * On a developer's machine such a test is skipped, and its name tells what is lacking. In CI (`CI`
 * is set) nothing may be lacking, so it fails there instead.
 */

import { type Capability, missingCapabilities } from "../../lib/linux/capabilities.ts";
import { IoUring } from "../../lib/linux/io_uring.ts";

/** What a test needs of its host. */
export interface RootTestOptions {
  /** Effective capabilities; default CAP_NET_ADMIN and CAP_NET_RAW. */
  readonly capabilities?: readonly Capability[];
  /** Programs that must be in PATH, such as "nginx". */
  readonly tools?: readonly string[];
  /** The oldest Linux that can do it, such as "6.6". */
  readonly linux?: string;
  /** Whether the kernel has to have io_uring for this process (Linux 6.0, kernel.io_uring_disabled). */
  readonly ioUring?: boolean;
  /** The test fails when it runs for longer; default 180,000. */
  readonly timeoutMs?: number;
  /** Whether what it leaves open or running is an error; default: as Deno does. */
  readonly sanitize?: boolean;
}

const DEFAULT_CAPABILITIES: readonly Capability[] = ["CAP_NET_ADMIN", "CAP_NET_RAW"];

/**
 * Like `Deno.test`, for a test that needs capabilities or programs.
 * @returns whether nothing is lacking for it
 */
export function rootTest(
  name: string,
  options: RootTestOptions,
  fn: (context: Deno.TestContext) => void | Promise<void>,
): boolean {
  const { capabilities = DEFAULT_CAPABILITIES, tools = [], linux, ioUring = false } = options;
  const { timeoutMs = 180_000, sanitize } = options;
  const strict = sanitize !== undefined &&
    { sanitizeOps: sanitize, sanitizeResources: sanitize };
  const lacking = [
    ...missingCapabilities(capabilities),
    ...missingTools(tools),
    ...(linux === undefined || isLinux(linux) ? [] : [`Linux ${linux}`]),
    ...(ioUring && !haveIoUring() ? ["io_uring"] : []),
  ];
  if (lacking.length === 0) {
    Deno.test({ name, fn, timeout: timeoutMs, ...strict });
  } else if (Deno.env.get("CI")) {
    const needs = `Cannot run "${name}": needs ${lacking.join(", ")}`;
    Deno.test(name, () => Promise.reject(new Error(needs)));
  } else {
    Deno.test({ name: `${name} (needs ${lacking.join(", ")})`, ignore: true, fn });
  }
  return lacking.length === 0;
}

/** Whether the kernel's release (uname(2)) is that version or a later one. */
export function isLinux(version: string, release = Deno.osRelease()): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const [ownMajor = 0, ownMinor = 0] = release.split(/[^0-9]+/).map(Number);
  return ownMajor > major || (ownMajor === major && ownMinor >= minor);
}

function haveIoUring(): boolean {
  try {
    new IoUring(1)[Symbol.dispose]();
    return true;
  } catch {
    return false;
  }
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
