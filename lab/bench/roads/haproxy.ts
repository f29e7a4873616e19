import { haveProgram } from "../../host_command.ts";
import { ADDRESSES } from "../../topology.ts";
import type { Road } from "../road.ts";
import { proxyUp } from "./proxy.ts";

/** A proxy that ends the client's connection and makes one of its own, with splice(2). */
export const haproxy: Road = {
  name: "haproxy",
  description: "HAProxy in TCP mode on the NAT machine, a thread a core",
  protocols: ["tcp"],
  lacking: async () => await haveProgram("haproxy") ? null : "haproxy is not installed",
  up: (lab, services) =>
    proxyUp(lab, {
      name: "haproxy",
      services,
      configuration: `
global
  maxconn 4000
defaults
  mode tcp
  option splice-auto
  timeout connect 5s
  timeout client 60s
  timeout server 60s
${
        services.map(({ name, port }) => `
listen ${name}
  bind ${ADDRESSES.vip}:${port}
  source 10.0.0.1
  server s1 ${ADDRESSES.s1}:${port}`).join("\n")
      }
`,
      command: (path) => ["haproxy", "-db", "-f", path],
    }),
};
