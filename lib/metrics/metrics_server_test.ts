import assert from "node:assert/strict";
import { parseEndpoint } from "../wire/address.ts";
import { MetricsDoor } from "./metrics_door.ts";
import { gauge, type Metric } from "./metric.ts";
import { MetricsServer } from "./metrics_server.ts";

let asked = 0;
const collect = (): Metric[] => [gauge("demo_asked", "How often", ++asked)];

/** An address at which nothing listened a moment ago. */
function freeEndpoint() {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return parseEndpoint(`127.0.0.1:${(listener.addr as Deno.NetAddr).port}`);
}

Deno.test("the server answers GET / and GET /metrics, and nothing else", async () => {
  const at = freeEndpoint();
  await using _ = await MetricsServer.listen(at, collect);
  const base = `http://127.0.0.1:${at.port}`;
  const status = async (path: string, init?: RequestInit) => {
    const response = await fetch(base + path, init);
    return [response.status, await response.text()] as const;
  };
  const [ok, text] = await status("/metrics");
  assert.equal(ok, 200);
  assert.match(text, /^# HELP demo_asked How often\n# TYPE demo_asked gauge\ndemo_asked \d+\n$/);
  assert.equal((await status("/metrics?name=x"))[0], 200);
  assert.deepEqual(await status("/"), [200, "bypath: metrics are at /metrics\n"]);
  for (const path of ["/metrics/", "/favicon.ico", "/../etc/passwd", "//metrics"]) {
    assert.equal((await status(path))[0], 404, path);
  }
  for (const method of ["POST", "PUT", "DELETE", "HEAD"]) {
    assert.equal((await status("/metrics", { method }))[0], 405, method);
  }
  const accept = "application/openmetrics-text; version=1.0.0";
  const open = await fetch(`${base}/metrics`, { headers: { accept } });
  assert.equal(
    open.headers.get("content-type"),
    "application/openmetrics-text; version=1.0.0; charset=utf-8",
  );
  assert.match(await open.text(), /# EOF\n$/);
});

Deno.test("a port in use is named, and why", async () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const at = parseEndpoint(`127.0.0.1:${(taken.addr as Deno.NetAddr).port}`);
  await assert.rejects(MetricsServer.listen(at, collect), {
    message:
      `Cannot serve metrics on 127.0.0.1:${at.port}: another program listens there, stop it or choose another port`,
  });
  await assert.rejects(MetricsServer.listen(parseEndpoint("192.0.2.1:9400"), collect), {
    message: "Cannot serve metrics on 192.0.2.1:9400: no interface of this host has the address",
  });
});

Deno.test("clients that say nothing, and clients that do not read, keep nobody else away", async () => {
  const at = freeEndpoint();
  const long = () => [gauge("demo_long", "x".repeat(4_000_000), 1)];
  await using _ = await MetricsServer.listen(at, long);
  const connect = () => Deno.connect({ hostname: "127.0.0.1", port: at.port });
  const silent = await Promise.all(Array.from({ length: 14 }, connect));
  const deaf = await Promise.all(Array.from({ length: 14 }, connect));
  const request = new TextEncoder().encode("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
  for (const connection of deaf) await connection.write(request);
  const response = await fetch(`http://127.0.0.1:${at.port}/metrics`);
  assert.equal(response.status, 200);
  assert.ok((await response.text()).length > 4_000_000);
  // Those beyond what is allowed at once are turned away, and the place of whoever leaves is free again.
  const many = await Promise.all(Array.from({ length: 20 }, connect));
  for (const connection of [...silent, ...deaf, ...many]) connection.close();
  for (;;) {
    const answer = await fetch(`http://127.0.0.1:${at.port}/`).catch(() => null);
    await answer?.body?.cancel();
    if (answer?.status === 200) break;
  }
});

Deno.test("many who ask at once cost one collection", async () => {
  const at = freeEndpoint();
  await using _ = await MetricsServer.listen(at, collect);
  const before = asked;
  const fetchOne = async () => await (await fetch(`http://127.0.0.1:${at.port}/metrics`)).text();
  const texts = new Set<string>();
  while (asked === before) texts.add(await fetchOne());
  for (const text of await Promise.all(Array.from({ length: 10 }, fetchOne))) texts.add(text);
  assert.ok(asked - before <= texts.size);
});

Deno.test("a door moves without a moment at which nobody answers, and can go back", async () => {
  const [first, second] = [freeEndpoint(), freeEndpoint()];
  await using door = new MetricsDoor(collect);
  const answers = async (at: { port: number }) => {
    const response = await fetch(`http://127.0.0.1:${at.port}/`).catch(() => null);
    await response?.body?.cancel();
    return response?.status === 200;
  };
  await door.open(first);
  const canceled = await door.prepare(second);
  assert.deepEqual([await answers(first), await answers(second)], [true, true]);
  await canceled.cancel();
  assert.deepEqual([await answers(first), await answers(second)], [true, false]);
  await (await door.prepare(second)).take();
  assert.deepEqual([await answers(first), await answers(second)], [false, true]);
  await (await door.prepare(second)).take();
  assert.ok(await answers(second));
  await door.open(undefined);
  assert.equal(await answers(second), false);
});
