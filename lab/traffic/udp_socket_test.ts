import assert from "node:assert/strict";
import { sameEndpoint, socketAddress, UdpSocket } from "./udp_socket.ts";

for (const hostname of ["127.0.0.1", "::1"]) {
  Deno.test(`UdpSocket carries datagrams and tells who sent them, over ${hostname}`, async () => {
    const port = 20_000 + Deno.pid % 20_000;
    using server = new UdpSocket({ hostname, port });
    using client = new UdpSocket({ hostname, port: 0 });
    assert.equal(client.send(Uint8Array.of(1, 2, 3), socketAddress(hostname, port)), true);

    const [question] = await server.receive(1000);
    assert.deepEqual(question?.bytes, Uint8Array.of(1, 2, 3));
    server.send(Uint8Array.of(4), question?.from as Uint8Array<ArrayBuffer>);

    const [answer] = await client.receive(1000);
    assert.deepEqual(answer?.bytes, Uint8Array.of(4));
    assert.ok(sameEndpoint(answer?.from as Uint8Array, socketAddress(hostname, port)));
    assert.ok(!sameEndpoint(answer?.from as Uint8Array, socketAddress(hostname, port + 1)));
    assert.deepEqual(await client.receive(1), []);
  });
}
