import { haveIpv6 } from "./ipv6.ts";
import type { NatYaml, ServerName, ServiceYaml } from "./lab_files.ts";
import { FLOW_PORT, HTTP_PORT, STREAM_PORT } from "./ports.ts";
import { ADDRESSES, ADDRESSES6 } from "./topology.ts";
import type { FlowPlan } from "./traffic/flow.ts";

/** A flow of the mix: what it is, by which service, on which server. */
export interface PlannedFlow extends FlowPlan {
  readonly service: string;
  readonly server: ServerName;
  /** Whether it is to bypass the NAT machine when all is well. */
  readonly bypasses: boolean;
}

/** Bytes a second: enough to see a pause of a tenth of a second, little enough for several labs at once. */
const RATE = 500_000;
/** The mix of traffic. Flows on s2 are there to show what a fault of s1 does not touch. */
export function flowsOfMix(): PlannedFlow[] {
  const { vip } = ADDRESSES;
  const flow = (
    name: string,
    what: Omit<PlannedFlow, "name" | "seed" | "server"> & { readonly server?: ServerName },
  ) => ({ server: "s1" as const, ...what, name, seed: seedOf(name) });
  return [
    flow("download, direct", {
      kind: "download",
      service: "flow",
      to: `${vip}:90`,
      rate: RATE,
      bypasses: true,
    }),
    flow("download, via NAT", {
      kind: "download",
      service: "flow-kept",
      to: `${vip}:91`,
      rate: RATE,
      bypasses: false,
    }),
    flow("download from s2, direct", {
      kind: "download",
      service: "flow-s2",
      to: `${vip}:92`,
      rate: RATE,
      bypasses: true,
      server: "s2",
    }),
    ...(haveIpv6()
      ? [flow("download over IPv6, direct", {
        kind: "download",
        service: "flow6",
        to: `[${ADDRESSES6.vip}]:90`,
        rate: RATE,
        bypasses: true,
      })]
      : []),
    flow("upload", {
      kind: "upload",
      service: "flow-up",
      to: `${vip}:93`,
      rate: RATE,
      bypasses: true,
    }),
    flow("requests, kept alive", {
      kind: "requests",
      service: "web",
      to: `${vip}:80`,
      rate: 10,
      bypasses: true,
    }),
    flow("idle, direct", {
      kind: "idle",
      service: "web",
      to: `${vip}:80`,
      rate: 0,
      bypasses: true,
    }),
    flow("idle, via NAT", {
      kind: "idle",
      service: "web-kept",
      to: `${vip}:81`,
      rate: 0,
      bypasses: false,
    }),
    flow("UDP stream, direct", {
      kind: "datagrams",
      service: "stream",
      to: `${vip}:${STREAM_PORT}`,
      rate: 100,
      bypasses: true,
    }),
  ];
}

/**
 * The services of the mix, and timeouts short enough that what a session leaves can be waited for.
 * For `lab.startNat`.
 */
export function configureForTraffic(config: NatYaml): void {
  const start = (bypasses: boolean) => ({
    start: bypasses ? { bytes: "16KiB" } : { never: true as const },
  });
  const service = (
    name: string,
    what: { port: number; serverPort: number; bypasses?: boolean; server?: ServerName; six?: true },
  ): ServiceYaml => {
    const { port, serverPort, bypasses = true, server = "s1", six } = what;
    const addresses = six ? ADDRESSES6 : ADDRESSES;
    return {
      name,
      vip: addresses.vip,
      port,
      servers: [{ address: addresses[server], port: serverPort }],
      bypass: start(bypasses),
    };
  };
  config.services = [
    service("web", { port: 80, serverPort: HTTP_PORT }),
    service("web-kept", { port: 81, serverPort: HTTP_PORT, bypasses: false }),
    service("flow", { port: 90, serverPort: FLOW_PORT }),
    service("flow-kept", { port: 91, serverPort: FLOW_PORT, bypasses: false }),
    service("flow-s2", { port: 92, serverPort: FLOW_PORT, server: "s2" }),
    service("flow-up", { port: 93, serverPort: FLOW_PORT }),
    ...(haveIpv6() ? [service("flow6", { port: 90, serverPort: FLOW_PORT, six: true })] : []),
    { ...service("stream", { port: STREAM_PORT, serverPort: STREAM_PORT }), protocol: "udp" },
  ];
  config.timeouts = { tcpClosing: "1s", tcpOpening: "5s", udpOpening: "2s", udp: "3s" };
  config.quarantine = "1s";
}

/** The same name has the same content. */
function seedOf(name: string): number {
  let seed = 7;
  for (const letter of name) seed = Math.imul(seed, 31) + (letter.codePointAt(0) ?? 0) >>> 0;
  return seed;
}
