import assert from "node:assert/strict";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { connect, createServer, type TLSSocket } from "node:tls";
import { TokenBucket } from "../policy/token_bucket.ts";
import { initKeys, issueKeys } from "./keys.ts";
import { PacedReader } from "./paced_reader.ts";

/** What TLS may have decrypted and nobody has taken yet: some batches of the runtime's. */
const AHEAD_BYTES = 4 * 1024 * 1024;

Deno.test("what a paced reader does not read stays with the sender, and arrives in the end", async () => {
  const folder = await Deno.makeTempDir({ prefix: "bypath-paced-" });
  await initKeys(`${folder}/keys`);
  await issueKeys(`${folder}/keys`, { name: "nat", addresses: ["127.0.0.1"] });
  const [ca, cert, key] = await Promise.all(
    ["ca.pem", "nat.pem", "nat.key"].map((name) => Deno.readTextFile(`${folder}/keys/${name}`)),
  );
  const SENT = 48 * 1024 * 1024;
  const seen = { taken: 0, wrong: 0, ahead: 0, heldBack: 0 };
  const done = Promise.withResolvers<void>();
  const server = createServer({ key: key!, cert: cert! }, (socket: TLSSocket) => {
    const budget = new TokenBucket({ perSecond: 250, burst: 5, nowMs: performance.now() });
    new PacedReader(socket, {
      budget,
      heldBack: () => seen.heldBack++,
      take(piece) {
        // Every byte says where it belongs.
        for (let i = 0; i < piece.length; i += 997) {
          if (piece[i] !== ((seen.taken + i) & 0xff)) seen.wrong++;
        }
        seen.taken += piece.length;
        seen.ahead = Math.max(seen.ahead, socket.bytesRead - seen.taken);
        if (seen.taken >= SENT) done.resolve();
      },
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const client = connect({ host: "127.0.0.1", port, ca: ca! });
  await once(client, "secureConnect");
  const chunk = Uint8Array.from({ length: 256 * 1024 }, (_, i) => i & 0xff);
  for (let sent = 0; sent < SENT; sent += chunk.length) {
    if (!client.write(chunk)) await once(client, "drain");
  }
  await done.promise;
  client.destroy();
  server.close();
  await Deno.remove(folder, { recursive: true });
  assert.equal(seen.wrong, 0);
  assert.ok(seen.heldBack > 0, "it was never held back");
  assert.ok(seen.ahead < AHEAD_BYTES, `${seen.ahead} bytes were taken in ahead of their reader`);
});
