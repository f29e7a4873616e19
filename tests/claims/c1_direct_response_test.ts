/**
 * C1: a client packet goes to the NAT machine, which translates it inbound and hands it to one of
 * several servers. The server's response packet is translated on the server and transmitted
 * directly to the client, bypassing the NAT machine.
 */
import assert from "node:assert/strict";
import { ADDRESSES } from "../../lab/topology.ts";
import { waitFor } from "../../lab/wait.ts";
import { rootTest } from "../support/root_test.ts";
import {
  type ClaimService,
  datagramService,
  NEEDS,
  PATIENCE_MS,
  sharedLab,
} from "./support/claim_lab.ts";
import { since } from "./support/flow_counters.ts";
import { hashOf } from "./support/nginx.ts";

const IPERF_PORT = 5201;
const IPERF_SERVER_PORT = 5301;
const START = { immediately: true } as const;

const lab = sharedLab({
  services: [
    { name: "web", port: 80, start: START },
    iperfService("tcp"),
    iperfService("udp"),
    datagramService(START),
  ],
});

/** iperf3 speaks TCP to one port before it sends UDP from the same. */
function iperfService(protocol: "tcp" | "udp"): ClaimService {
  return {
    name: `iperf-${protocol}`,
    protocol,
    port: IPERF_PORT,
    serverPort: IPERF_SERVER_PORT,
    servers: ["s1"],
    start: START,
  };
}

rootTest("C1: a download's responses pass the NAT machine's link by", NEEDS, async () => {
  const claim = await lab();
  const { large } = claim.files;
  await using curl = claim.curl();
  await curl.readTo(100_000);
  const session = await claim.takes("bypass", curl.client);
  const before = await claim.responses(curl.client);
  const roads = await claim.watchRoads();
  const missingBytes = large.content.length - curl.bytes;
  const result = await curl.result();
  const { overNat, direct, intoNat } = await roads();
  const later = since(before, await claim.responses(curl.client));

  assert.equal(result.sha256, hashOf(large));
  // The session's own packets: none. All the link carries: ARP and the control channel as well.
  assert.deepEqual(later.viaNat, { packets: 0, bytes: 0 });
  assert.ok(overNat < missingBytes / 100, `${overNat} bytes from the NAT machine to the clients`);
  assert.ok(intoNat.bytes < missingBytes / 100, `${intoNat.bytes} bytes to the NAT machine`);
  // What the client's buffers held when the counting began came by the same way before.
  assert.ok(direct > missingBytes / 2, `${direct} bytes directly`);
  const { viaNat, direct: all } = await claim.responses(curl.client);
  assert.ok(all.bytes + viaNat.bytes > large.content.length);
  // No more than what had come, or was on its way, before the instruction was there.
  assert.ok(viaNat.bytes < large.content.length / 10, `${viaNat.bytes} bytes of all via NAT`);
  // Translated inbound by the NAT machine, both ends: from VIP:80 to port 8080.
  assert.equal(result.peer, session.nat);
  assert.equal(result.server, session.server);
  assert.match(session.nat, /^10\.0\.1\.[1-4]:\d+$/);
  assert.match(session.server, /^10\.0\.0\.1[12]:8080$/);
});

rootTest("C1: the client hears of nobody but VIP:port", NEEDS, async () => {
  const claim = await lab();
  await using curl = claim.curl();
  const result = await curl.result();
  assert.equal(result.remote, `${ADDRESSES.vip}:80`);
  const strangers = (await claim.flows.clientHeardFrom())
    .filter((source) => !source.startsWith(`${ADDRESSES.vip}:`));
  assert.deepEqual(strangers, []);
});

rootTest("C1: several servers are handed the sessions of one VIP", NEEDS, async () => {
  const claim = await lab();
  const servers = await Promise.all(Array.from({ length: 6 }, async () => {
    await using curl = claim.curl({ paths: [claim.files.small.path] });
    const result = await curl.result();
    assert.equal(result.sha256, hashOf(claim.files.small));
    return result.server;
  }));
  assert.deepEqual([...new Set(servers)].sort(), ["10.0.0.11:8080", "10.0.0.12:8080"]);
});

const IPERF_NEEDS = { tools: ["iperf3", "nft"] };
const IPERF_BYTES = 10_000_000;

for (const protocol of ["tcp", "udp"] as const) {
  rootTest(
    `C1: iperf3's ${protocol.toUpperCase()} stream comes directly`,
    IPERF_NEEDS,
    async () => {
      const claim = await lab();
      const { lab: network } = claim.bypath;
      const listen = [
        "-B",
        ADDRESSES.s1,
        "-p",
        `${IPERF_SERVER_PORT}`,
        "--one-off",
        "--forceflush",
      ];
      await using server = network.start("s1", ["iperf3", "--server", ...listen]);
      await server.waitForLine((line) => line.includes("listening"));
      const port = claim.nextPort();
      await using iperf = network.start("client", [
        ...["iperf3", "--client", ADDRESSES.vip, "--port", `${IPERF_PORT}`, "--cport", `${port}`],
        ...["--reverse", "--time", "100"],
        ...(protocol === "udp" ? ["--udp", "--bitrate", "50M", "--length", "1400"] : []),
      ]);
      const client = `${ADDRESSES.client}:${port}`;
      const session = await claim.takes("bypass", client);
      assert.equal(session.protocol, protocol);
      const before = await claim.responses(client, protocol);
      const roads = await claim.watchRoads();
      await waitFor("bytes to come directly", async () => {
        iperf.mustRun();
        return (await roads()).direct > IPERF_BYTES;
      }, { timeoutMs: PATIENCE_MS });
      const { overNat } = await roads();
      const later = since(before, await claim.responses(client, protocol));
      assert.deepEqual(later.viaNat, { packets: 0, bytes: 0 });
      assert.ok(overNat < IPERF_BYTES / 100, `${overNat} bytes over the NAT machine's link`);
    },
  );
}

rootTest("C1: UDP responses pass the NAT machine's link by", { tools: ["nft"] }, async () => {
  const claim = await lab();
  await using udp = claim.datagrams();
  await udp.more(1);
  await claim.takes("bypass", udp.client);
  const before = await claim.responses(udp.client, "udp");
  const roads = await claim.watchRoads();
  await udp.more(2_000);
  const { overNat } = await roads();
  const { viaNat, direct } = since(before, await claim.responses(udp.client, "udp"));
  assert.deepEqual([viaNat.packets, direct.packets], [0, 2_000]);
  assert.ok(overNat < direct.bytes / 100, `${overNat} bytes over the NAT machine's link`);
});
