import assert from "node:assert/strict";
import { IpAddress, parseEndpoint } from "../wire/address.ts";
import type { ExplainContext, NamedPacket } from "./explain.ts";
import { explainIcmp, type IcmpPacket } from "./explain_icmp.ts";

const session = {
  id: "k3x9-1a",
  state: "established",
  client: "198.51.100.2:40000",
  vip: "203.0.113.10:80",
  nat: "10.0.1.1:1024",
  server: "10.0.0.11:8080",
  pathMtu: null,
  packets: { fromClient: 1, viaNat: 1, viaBypass: 5 },
};

function explain(packet: Omit<IcmpPacket, "protocol">, echo = true) {
  const context = {
    config: {
      echo,
      services: [{ vip: parseEndpoint("203.0.113.10:80") }],
      snat: {
        addresses: [{ first: IpAddress.parse("10.0.1.1"), last: IpAddress.parse("10.0.1.1") }],
      },
    },
    find: ({ source, destination }: NamedPacket, direction: string) => {
      const ends = direction === "inbound"
        ? [session.client, session.vip]
        : [session.server, session.nat];
      return source === ends[0] && destination === ends[1] ? session : null;
    },
  } as unknown as ExplainContext;
  return explainIcmp({ protocol: "icmp", ...packet }, context);
}

Deno.test("an echo request is answered by VIPs, as configured, and by nobody else", () => {
  const ping = { source: "198.51.100.2", destination: "203.0.113.10" };
  assert.equal(explain(ping).verdict, "answered with an echo reply to 198.51.100.2");
  assert.equal(explain(ping, false).verdict, "dropped: echo");
  assert.equal(
    explain({ ...ping, destination: "10.0.1.1" }).verdict,
    "dropped: unsupportedProtocol",
  );
  assert.equal(explain({ ...ping, destination: "192.0.2.9" }).verdict, "dropped: noService");
});

Deno.test("an error is passed to whoever sent the packet that it is about", () => {
  const about = {
    protocol: "tcp" as const,
    source: "203.0.113.10:80",
    destination: "198.51.100.2:40000",
  };
  const router = explain({ source: "192.0.2.1", destination: "203.0.113.10", about });
  assert.match(
    router.verdict,
    /^sent to 10\.0\.0\.11:8080 as an error about 10\.0\.0\.11:8080 > 10/,
  );
  assert.equal(router.steps.find((it) => it.step === "direct path")?.result, "is asked");
  const client = explain({ source: "198.51.100.2", destination: "203.0.113.10", about });
  assert.equal(client.steps.find((it) => it.step === "direct path")?.result, "not concerned");
  const server = explain({
    source: "10.0.0.11",
    destination: "10.0.1.1",
    about: { protocol: "tcp", source: "10.0.1.1:1024", destination: "10.0.0.11:8080" },
  });
  assert.match(server.verdict, /^sent to 198\.51\.100\.2:40000 with 203\.0\.113\.10:80/);
  const stranger = { ...about, destination: "198.51.100.2:40001" };
  assert.equal(
    explain({ source: "192.0.2.1", destination: "203.0.113.10", about: stranger }).verdict,
    "dropped: noSession",
  );
});
