/**
 * coturn's turnutils_natdiscovery (RFC 5780) against coturn's STUN server behind the VIPs: which class
 * of NAT a client takes bypath for. STUN was made for the other direction, so what is judged is the
 * NAT endpoint that stands for the client before the server: one for each destination of the client,
 * and nothing but its destination's answers come back through it.
 */
import assert from "node:assert/strict";
import type { BypathLab } from "../../lab/bypath_lab.ts";
import { ADDRESSES } from "../../lab/topology.ts";
import { waitFor } from "../../lab/wait.ts";
import { rootTest } from "../support/root_test.ts";
import { run, serviceOf, sharedLab } from "./support/peer_lab.ts";

/** The second address of the STUN server, which RFC 5780 asks for. */
const OTHER_ADDRESS = "10.0.0.21";
const SERVERS = [ADDRESSES.s1, OTHER_ADDRESS];
const WAYS = [
  { way: "via NAT", vips: ["203.0.113.10", "203.0.113.11"], port: 3478, bypass: { never: true } },
  {
    way: "with bypass",
    vips: ["203.0.113.12", "203.0.113.13"],
    port: 3578,
    bypass: { immediately: true },
  },
] as const;
const NEEDS = { tools: ["turnserver", "turnutils_natdiscovery"] };

const lab = sharedLab(async (lab) => {
  await lab.lab.mustRun("s1", ["ip", "address", "add", `${OTHER_ADDRESS}/24`, "dev", "eth0"]);
  await Promise.all(WAYS.map(({ vips, port }) => startStunServer(lab, vips, port)));
  await lab.startNat((config) => {
    config.services = WAYS.flatMap(({ vips, port, bypass }) =>
      vips.flatMap((vip, i) =>
        [port, port + 1].map((port) =>
          serviceOf({
            name: `stun-${vip}-${port}`,
            protocol: "udp",
            vip,
            port,
            server: SERVERS[i]!,
            bypass,
          })
        )
      )
    );
  });
  await lab.startAgent("s1");
});

for (const { way, vips, port } of WAYS) {
  rootTest(`natdiscovery: address and port dependent mapping, ${way}`, NEEDS, async () => {
    const told = await discover(await lab(), "-m", port, vips[0]);
    assert.match(told, /NAT with Address and Port Dependent Mapping!/);
    assert.equal(told.match(/UDP reflexive addr: 10\.0\.1\.[1-4]:\d+/g)?.length, 3, told);
    assert.doesNotMatch(told, /ALG: Mapped != XOR-Mapped|timeout/i);
  });

  rootTest(`natdiscovery: two clients with one port do not collide, ${way}`, NEEDS, async () => {
    const clients = "-c -L 198.51.100.2 -A 198.51.100.3";
    const told = await discover(await lab(), clients, port, vips[0]);
    const endpoints = [...told.matchAll(/UDP reflexive addr: (\S+)/g)].map(([, each]) => each);
    assert.equal(new Set(endpoints).size, 2, told);
  });
}

rootTest(
  "natdiscovery: address and port dependent filtering, via NAT and with bypass",
  NEEDS,
  async () => {
    const bypath = await lab();
    // Each waits six seconds for answers that must not come.
    const told = await Promise.all(
      WAYS.map(({ vips, port }) => discover(bypath, "-f", port, vips[0])),
    );
    for (const each of told) assert.match(each, /NAT with Address and Port Dependent Filtering!/);
    const { dropped } = (await bypath.status()).packets;
    assert.ok(dropped["noSession"]! >= 4, JSON.stringify(dropped));
    const bypassed = await bypath.sessions("--path", "bypass");
    assert.ok(bypassed.length > 0);
  },
);

/** STUN only, on two addresses and two ports, which calls itself by the VIPs. */
async function startStunServer(
  lab: BypathLab,
  vips: readonly string[],
  port: number,
): Promise<void> {
  const server = lab.lab.start("s1", [
    ...["turnserver", "-n", "--stun-only", "--no-tls", "--no-dtls", "--no-cli", "--no-tcp"],
    ...["--listening-port", `${port}`, "--alt-listening-port", `${port + 1}`],
    ...SERVERS.flatMap((address, i) => ["-L", address, "-X", `${vips[i]}/${address}`]),
    ...["--log-file", "stdout", "--pidfile", `${lab.folder}/stun-${port}.pid`],
    ...["--userdb", `${lab.folder}/stun-${port}.db`],
  ]);
  // What it says is buffered.
  const endpoints = SERVERS.flatMap((each) => [`${each}:${port}`, `${each}:${port + 1}`]);
  await waitFor("the STUN server to listen", async () => {
    server.mustRun();
    const sockets = await lab.lab.mustRun("s1", ["ss", "-Huln"]);
    return endpoints.every((each) => sockets.includes(each));
  });
}

async function discover(
  lab: BypathLab,
  options: string,
  port: number,
  vip: string,
): Promise<string> {
  return await run(lab, "client", `turnutils_natdiscovery ${options} -p ${port} ${vip}`);
}
