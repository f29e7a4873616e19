import assert from "node:assert/strict";
import { probeTcp } from "../control/probe.ts";
import { parseEndpoint } from "../wire/address.ts";
import { probeHttp } from "./http_probe.ts";

const CHECK = { path: "/up?x=1", status: [{ first: 200, last: 399 }] };

/** A server that answers each connection with these bytes, as raw as they are; what it was asked. */
function rawServer(
  answer: (connection: Deno.TcpConn) => Promise<void>,
  hostname = "127.0.0.1",
) {
  const listener = Deno.listen({ hostname, port: 0 });
  const asked: string[] = [];
  const serving = (async () => {
    for await (const connection of listener) {
      const buffer = new Uint8Array(4096);
      const length = await connection.read(buffer).catch(() => null);
      asked.push(new TextDecoder().decode(buffer.subarray(0, length ?? 0)));
      await answer(connection).catch(() => {});
      try {
        connection.close();
      } catch { /* closed by the other side */ }
    }
  })();
  const { port } = listener.addr as Deno.NetAddr;
  return {
    endpoint: parseEndpoint(
      hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`,
    ),
    asked,
    async [Symbol.asyncDispose]() {
      listener.close();
      await serving;
    },
  };
}

const says = (text: string) => async (connection: Deno.TcpConn) => {
  await connection.write(new TextEncoder().encode(text));
};

for (const hostname of ["127.0.0.1", "::1"]) {
  Deno.test(`probeHttp() asks ${hostname} once, by the host that is configured, and judges the status`, async () => {
    await using server = rawServer(says("HTTP/1.1 204 No Content\r\n\r\n"), hostname);
    assert.deepEqual(await probeHttp(server.endpoint, { ...CHECK, host: "a.example" }, 2_000), {
      good: true,
      detail: "HTTP status 204",
    });
    assert.match(server.asked[0]!, /^GET \/up\?x=1 HTTP\/1\.1\r\n/);
    assert.match(server.asked[0]!, /\r\nhost: a\.example\r\n/i);
    assert.match(server.asked[0]!, /\r\nconnection: close\r\n/i);
    assert.equal(server.asked.length, 1);
  });
}

Deno.test("a status that is not wanted is bad, and a redirect is not followed", async () => {
  await using broken = rawServer(says("HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n"));
  assert.deepEqual(await probeHttp(broken.endpoint, CHECK, 2_000), {
    good: false,
    detail: "HTTP status 500, not 200-399",
  });
  const elsewhere = says("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n\r\n");
  await using redirect = rawServer(elsewhere);
  assert.deepEqual(await probeHttp(redirect.endpoint, CHECK, 2_000), {
    good: true,
    detail: "HTTP status 302",
  });
  assert.equal(redirect.asked.length, 1);
});

Deno.test("a server that changes the protocol has answered, with a status like any other", async () => {
  const upgrade = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n";
  await using server = rawServer(says(upgrade));
  assert.deepEqual(await probeHttp(server.endpoint, CHECK, 2_000), {
    good: false,
    detail: "HTTP status 101, not 200-399",
  });
});

Deno.test("what is silent, or never comes to an end, is over with the time-out", async () => {
  const forever = (piece: string) => async (connection: Deno.TcpConn) => {
    await connection.write(new TextEncoder().encode("HTTP/1.1 200 OK\r\n"));
    for (;;) {
      await connection.write(new TextEncoder().encode(piece));
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  };
  const silent = () => new Promise<void>((resolve) => setTimeout(resolve, 400));
  for (const answer of [silent, forever("x")]) {
    await using server = rawServer(answer);
    const started = performance.now();
    const result = await probeHttp(server.endpoint, CHECK, 200);
    assert.equal(result.good, false, result.detail);
    assert.ok(performance.now() - started < 2_000);
  }
});

Deno.test("a body without end is cut off; the status came first", async () => {
  const chunk = "x".repeat(65_536);
  let sent = 0;
  const server = rawServer(async (connection) => {
    await connection.write(new TextEncoder().encode("HTTP/1.1 200 OK\r\n\r\n"));
    for (; sent < 10_000; sent++) await connection.write(new TextEncoder().encode(chunk));
  });
  assert.equal((await probeHttp(server.endpoint, CHECK, 5_000)).good, true);
  // The server is told, long before it has sent everything: disposing waits for it.
  await server[Symbol.asyncDispose]();
  assert.ok(sent < 1_000, `${sent} chunks were taken`);
});

Deno.test("what is no HTTP, and what does not listen, is bad and says why", async () => {
  await using other = rawServer(says("SSH-2.0-x\r\n"));
  const result = await probeHttp(other.endpoint, CHECK, 2_000);
  assert.equal(result.good, false);
  const nobody = parseEndpoint("127.0.0.1:1");
  assert.deepEqual(await probeHttp(nobody, CHECK, 2_000), {
    good: false,
    detail: "connection refused",
  });
  assert.deepEqual(await probeTcp(nobody, 2_000), { good: false, detail: "connection refused" });
  assert.equal((await probeTcp(other.endpoint, 2_000)).detail, "connected");
});
