import { Download } from "../../lab/download.ts";
import { mustRunHost, runHost } from "../../lab/host_command.ts";
import { haveIpv6 } from "../../lab/ipv6.ts";
import type { Lab } from "../../lab/lab.ts";
import { LabProcess } from "../../lab/lab_process.ts";
import { selfCommand } from "../../lib/datapath/self_command.ts";

/** What the narrow link carries, in bytes. */
export const NARROW_MTU = 1280;
/** The client behind it. Its own link is an ordinary one, so its TCP asks for no small segments. */
export const FAR_CLIENT = "198.51.102.2";
export const FAR_CLIENT6 = "2001:db8:e::2";

/**
 * A second client of the lab, behind a narrow link:
 *
 * ```text
 *   router ── eth3 ───── 1280 ───── wan ── hop ── lan ───── 1500 ───── eth0 ── far client
 *     198.51.101.1         198.51.101.2      198.51.102.1         198.51.102.2
 *     2001:db8:d::1        2001:db8:d::2     2001:db8:e::1        2001:db8:e::2
 * ```
 */
export class SmallPath implements AsyncDisposable {
  readonly #lab: Lab;
  readonly #hop: string;
  readonly #client: string;
  readonly #processes = new Set<LabProcess>();

  private constructor(lab: Lab) {
    this.#lab = lab;
    this.#hop = `${lab.name}-hop`;
    this.#client = `${lab.name}-far`;
  }

  static async up(lab: Lab): Promise<SmallPath> {
    const path = new SmallPath(lab);
    try {
      await path.#make(lab.namespace("router"));
    } catch (error) {
      await path[Symbol.asyncDispose]();
      throw error;
    }
    return path;
  }

  /** Starts a program at the far client. */
  start(argv: readonly string[]): LabProcess {
    const process = new LabProcess(this.#command(argv), `${argv.join(" ")} (at the far client)`);
    this.#processes.add(process);
    return process;
  }

  /** Runs a program at the far client to its end, whatever its exit status; what it printed. */
  async run(...argv: string[]): Promise<string> {
    const { stdout, stderr } = await runHost(this.#command(argv));
    return stdout + stderr;
  }

  /** Starts a download by the program's own client. */
  download(url: string): Download {
    const verify = ["--verify", "sha256", "--progress-ms", "50"];
    return new Download(
      this.start([...selfCommand(), "lab", "traffic", "http-get", url, ...verify]),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#processes].map((process) => process.stop()));
    for (const name of [this.#client, this.#hop]) await runHost(["ip", "netns", "delete", name]);
  }

  #command(argv: readonly string[]): string[] {
    return ["ip", "netns", "exec", this.#client, ...argv];
  }

  async #make(router: string): Promise<void> {
    const [hop, far] = [this.#hop, this.#client];
    await mustRunHost(["ip", "netns", "add", hop]);
    await mustRunHost(["ip", "netns", "add", far]);
    const forward = "echo 1 > /proc/sys/net/ipv4/ip_forward\n" +
      "f=/proc/sys/net/ipv6/conf/all/forwarding; [ ! -e $f ] || echo 1 > $f";
    await mustRunHost(["ip", "netns", "exec", hop, "sh", "-ec", forward]);
    await batch([], [
      `link add eth3 netns ${router} type veth peer name wan netns ${hop}`,
      `link add lan netns ${hop} type veth peer name eth0 netns ${far}`,
    ]);
    await batch(["-n", router], [
      `link set eth3 up mtu ${NARROW_MTU}`,
      "address add 198.51.101.1/24 dev eth3",
      "address add 2001:db8:d::1/64 dev eth3 nodad",
      "route add 198.51.102.0/24 via 198.51.101.2",
      "route add 2001:db8:e::/64 via 2001:db8:d::2",
    ]);
    await batch(["-n", hop], [
      `link set wan up mtu ${NARROW_MTU}`,
      "link set lan up",
      "address add 198.51.101.2/24 dev wan",
      "address add 2001:db8:d::2/64 dev wan nodad",
      "address add 198.51.102.1/24 dev lan",
      "address add 2001:db8:e::1/64 dev lan nodad",
      "route add default via 198.51.101.1",
      "route add default via 2001:db8:d::1",
    ]);
    await batch(["-n", far], [
      "link set lo up",
      "link set eth0 up",
      `address add ${FAR_CLIENT}/24 dev eth0`,
      `address add ${FAR_CLIENT6}/64 dev eth0 nodad`,
      "route add default via 198.51.102.1",
      "route add default via 2001:db8:e::1",
    ]);
    // Super-packets are cut before they leave here, so that the device counts what is on the wire.
    for (const device of ["eth3", "eth0"]) {
      await this.#lab.mustRun("router", ["ethtool", "-K", device, "tso", "off", "gso", "off"]);
    }
  }
}

/** Lines for `ip -batch`, those with IPv6 addresses only where the kernel has it. */
async function batch(options: readonly string[], lines: readonly string[]): Promise<void> {
  const input = lines.filter((line) => haveIpv6() || !line.includes("2001:")).join("\n");
  await mustRunHost(["ip", ...options, "-batch", "-"], { input: `${input}\n` });
}
