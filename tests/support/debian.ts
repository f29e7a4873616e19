import { existsSync } from "node:fs";
import { missingTools } from "./root_test.ts";

/** Programs that tests use, and the Debian package of each. */
const PACKAGE_OF: Readonly<Record<string, string>> = {
  chromium: "chromium",
  curl: "curl",
  ethtool: "ethtool",
  faketime: "faketime",
  fish: "fish",
  gcc: "gcc",
  haproxy: "haproxy",
  hping3: "hping3",
  ip: "iproute2",
  iperf3: "iperf3",
  lintian: "lintian",
  man: "man-db",
  mandoc: "mandoc",
  nft: "nftables",
  nginx: "nginx",
  nmap: "nmap",
  ping: "iputils-ping",
  prometheus: "prometheus",
  promtool: "prometheus",
  scapy: "python3-scapy",
  setpriv: "util-linux",
  strace: "strace",
  "systemd-analyze": "systemd",
  tcpdump: "tcpdump",
  tmux: "tmux",
  tracepath: "iputils-tracepath",
  tshark: "tshark",
  turnutils_natdiscovery: "coturn",
  wrk: "wrk",
  zsh: "zsh",
};

/** Packages with a service that is not to start with the host. */
const SERVICES = ["coturn", "haproxy", "nginx"];

/** Files that tests use, and the Debian package of each. */
const PACKAGE_OF_FILE: Readonly<Record<string, string>> = {
  "/usr/include/stdio.h": "libc6-dev",
  "/usr/include/linux/if_packet.h": "linux-libc-dev",
  "/usr/share/bash-completion/bash_completion": "bash-completion",
};

/** The packages that this host lacks. */
export function missingPackages(): string[] {
  const tools = missingTools(Object.keys(PACKAGE_OF)).map((tool) => PACKAGE_OF[tool]!);
  const files = Object.keys(PACKAGE_OF_FILE).filter((path) => !existsSync(path));
  return [...tools, ...files.map((path) => PACKAGE_OF_FILE[path]!)];
}

/**
 * Installs the packages that the tests need and this host lacks, and tells of it by `say`. Without
 * root, and where apt-get fails, it only tells: the tests that need them know what to do.
 */
export async function installPackages(say: (line: string) => void): Promise<void> {
  const packages = missingPackages();
  if (packages.length === 0) return;
  const list = packages.join(" ");
  if (Deno.uid() !== 0) {
    say(`Not installing ${list}: needs root`);
    return;
  }
  if (missingTools(["apt-get"]).length > 0) {
    say(`Not installing ${list}: no apt-get on this host`);
    return;
  }
  say(`Installing what the tests need: ${list}`);
  using _ = new NoServiceStarts();
  const failure = await aptGet(["update"]) ??
    await aptGet(["install", "--yes", "--no-install-recommends", ...packages]);
  if (failure !== null) say(`Cannot install ${list}: ${failure}`);
  else {
    for (const service of SERVICES.filter((each) => packages.includes(each))) {
      await run("update-rc.d", [service, "disable"]);
    }
  }
}

function aptGet(args: string[]): Promise<string | null> {
  return run("apt-get", ["--quiet", "-o", "DPkg::Lock::Timeout=120", ...args]);
}

/** Null, or what the command printed when it failed. */
async function run(command: string, args: string[]): Promise<string | null> {
  const { success, stdout, stderr } = await new Deno.Command(command, {
    args,
    env: { DEBIAN_FRONTEND: "noninteractive", LC_ALL: "C" },
    stdin: "null",
  }).output();
  if (success) return null;
  const decoder = new TextDecoder();
  return `${decoder.decode(stdout)}${decoder.decode(stderr)}`.trim();
}

/**
 * Keeps the installation of a package from starting its service, as nginx's does. invoke-rc.d asks
 * this script first (exit status 101: forbidden, 104: allowed); a host that has one of its own is
 * left as it is. Should this process be killed, the script that stays behind allows everything.
 */
export class NoServiceStarts implements Disposable {
  readonly #path: string;
  readonly #made: boolean;

  constructor(path = "/usr/sbin/policy-rc.d") {
    this.#path = path;
    this.#made = !existsSync(path);
    if (!this.#made) return;
    const script = `#!/bin/sh\nkill -0 ${Deno.pid} 2>/dev/null && exit 101\nexit 104\n`;
    Deno.writeTextFileSync(path, script, { createNew: true, mode: 0o755 });
  }

  [Symbol.dispose](): void {
    if (this.#made) Deno.removeSync(this.#path);
  }
}
