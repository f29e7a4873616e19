/**
 * What the NAT machine of the cases serves, once as a configuration file's content for the daemon and once
 * as numbers for the pure world.
 *
 * ```text
 *   VIP:80, VIP2:80        tcp  S1:8080            VIP:53, VIP2:53   udp  S1:5353
 *   VIP:8000               tcp  S1:8080, S2:8080   VIP:54            udp  S1:5353, S2:5353
 *   VIP:7                  udp  S1:7, for the lab's own datagrams
 * ```
 *
 * On the way with bypass the same, with VIPs of its own, and every session is to be bypassed at once.
 */
import { stringify } from "yaml";
import { defaultNatYaml, type NatYaml, type ServiceYaml } from "../../../lab/lab_files.ts";
import { parseNatConfig } from "../../../lib/config/nat_config.ts";
import { type DatapathConfig, datapathConfig } from "../../../lib/nat/datapath_config.ts";
import type { Family, SetupName, TimeoutName, Way } from "./case.ts";
import { addressOf } from "./names.ts";

/** In the lab time cannot be moved, so timeouts are short; in milliseconds. */
export const LAB_TIMEOUTS: Readonly<Record<TimeoutName, number>> = {
  tcpOpening: 900,
  tcpEstablished: 2_500,
  tcpClosing: 700,
  udpOpening: 700,
  udp: 1_500,
  quarantine: 700,
  heldFragment: 1_000,
};

/** The defaults, as the RFCs have them. */
export const DEFAULT_TIMEOUTS: Readonly<Record<TimeoutName, number>> = {
  tcpOpening: 240_000,
  tcpEstablished: 7_440_000,
  tcpClosing: 240_000,
  udpOpening: 30_000,
  udp: 300_000,
  quarantine: 60_000,
  heldFragment: 1_000,
};

export interface SetupOptions {
  readonly families: readonly Family[];
}

/** nat.yaml, with the default timeouts. */
export function natYaml(setup: SetupName, { families }: SetupOptions): NatYaml {
  const config = defaultNatYaml();
  config.services = families.flatMap((family) =>
    (["nat", "bypass"] as const).flatMap((way) => servicesOf(family, way))
  );
  const snat = { 4: "10.0.1.1-10.0.1.4", 6: "2001:db8:1::1-2001:db8:1::4" };
  config.snat = { addresses: families.map((family) => snat[family]), ports: "20000-60999" };
  if (setup === "tiny") {
    config.snat = { addresses: families.map((f) => addressOf("P", f)), ports: "20000-20003" };
  }
  if (setup === "silent") Object.assign(config, { refuse: "drop", echo: false });
  return config;
}

/** The same, with timeouts that a test can wait for. */
export function labYaml(setup: SetupName, options: SetupOptions): NatYaml {
  const config = natYaml(setup, options);
  const { tcpOpening, tcpEstablished, tcpClosing, udpOpening, udp, quarantine } = LAB_TIMEOUTS;
  const ms = (value: number) => `${value}ms`;
  config.timeouts = {
    tcpOpening: ms(tcpOpening),
    tcpEstablished: ms(tcpEstablished),
    tcpClosing: ms(tcpClosing),
    udpOpening: ms(udpOpening),
    udp: ms(udp),
  };
  config.quarantine = ms(quarantine);
  config.control = { ...config.control!, lease: "2s", report: "200ms" };
  return config;
}

/** What the translator gets, by way of the text of a file as the daemon reads it. */
export function pureConfig(setup: SetupName, options: SetupOptions): DatapathConfig {
  const { control: _, ...config } = natYaml(setup, options);
  return datapathConfig(parseNatConfig({ file: "nat.yaml", text: stringify(config) }));
}

function servicesOf(family: Family, way: Way): ServiceYaml[] {
  const start = way === "nat" ? { never: true as const } : { immediately: true as const };
  const common = { scheduler: "round-robin" as const, bypass: { start } };
  const service = (
    vip: "VIP" | "VIP2",
    protocol: "tcp" | "udp",
    port: number,
    servers: readonly string[],
    serverPort: number,
  ): ServiceYaml => ({
    name: `${protocol}-${port}-${vip}-${family}-${way}`.toLowerCase(),
    vip: addressOf(vip, family, way),
    protocol,
    port,
    servers: servers.map((it) => ({ address: addressOf(it, family), port: serverPort })),
    ...common,
  });
  return [
    service("VIP", "tcp", 80, ["S1"], 8080),
    service("VIP2", "tcp", 80, ["S1"], 8080),
    service("VIP", "tcp", 8000, ["S1", "S2"], 8080),
    service("VIP", "udp", 53, ["S1"], 5353),
    service("VIP2", "udp", 53, ["S1"], 5353),
    service("VIP", "udp", 54, ["S1", "S2"], 5353),
    service("VIP", "udp", 7, ["S1"], 7),
  ];
}
