/** curl over IPv6 through the VIP, compared with what it gets from the server itself. */
import assert from "node:assert/strict";
import { HTTP_PORT } from "../../lab/lab_files.ts";
import { ADDRESSES6 } from "../../lab/topology.ts";
import { rootTest } from "../support/root_test.ts";
import { serviceOf, sharedLab } from "./support/peer_lab.ts";

const WAYS = [
  { way: "via NAT", counter: "viaNat", port: 80, bypass: { never: true } },
  { way: "with bypass", counter: "viaBypass", port: 81, bypass: { bytes: "64KiB" } },
] as const;
const FILES = ["/bytes/20000000?seed=1", "/bytes/1?seed=2", "/bytes/3000000?seed=3"];

const lab = sharedLab(async (lab) => {
  await lab.startServers();
  await lab.startNat((config) => {
    config.services = WAYS.map(({ port, bypass }) =>
      serviceOf({ name: `web${port}`, family: 6, port, serverPort: HTTP_PORT, bypass })
    );
  });
  await lab.startAgent("s1");
});

for (const { way, counter, port } of WAYS) {
  rootTest(`curl: three files over one IPv6 connection, ${way}`, {
    tools: ["curl", "sha256sum"],
  }, async () => {
    const bypath = await lab();
    const format = "%{stderr}%{remote_ip} %{num_connects} %{http_code}\n";
    const download = async (server: string) => {
      const urls = FILES.map((file) => `'http://${server}${file}'`).join(" ");
      const curl = `curl -6 -sSf --max-time 20 --limit-rate 20M -w '${format}' ${urls} | sha256sum`;
      return await bypath.lab.run("client", ["sh", "-c", curl]);
    };
    const byVip = await download(`[${ADDRESSES6.vip}]:${port}`);
    const direct = await download(`[${ADDRESSES6.s1}]:${HTTP_PORT}`);
    assert.equal(byVip.stdout, direct.stdout, byVip.stderr);
    const transfers = byVip.stderr.trim().split("\n");
    const { vip } = ADDRESSES6;
    assert.deepEqual(transfers, [`${vip} 1 200`, `${vip} 0 200`, `${vip} 0 200`]);
    const [session] = await bypath.sessions("--service", `web${port}`);
    assert.ok(session!.bytes[counter] > 5_000_000, JSON.stringify(session));
  });
}
