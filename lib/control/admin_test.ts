import assert from "node:assert/strict";
import { ask, follow } from "./admin_client.ts";
import { AdminError } from "./admin_protocol.ts";
import { AdminServer } from "./admin_server.ts";

async function inFolder(run: (path: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await run(`${folder}/run/a.sock`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("a request gets its answer, an error its words and exit status", () =>
  inFolder(async (path) => {
    await using _server = await AdminServer.listen(path, (request) => {
      if (request.verb === "add") return (request.a as number) + (request.b as number);
      throw new AdminError(`There is no verb "${request.verb}"`, 2);
    });
    assert.equal(await ask(path, { verb: "add", a: 1, b: 2 }), 3);
    await assert.rejects(ask(path, { verb: "divide" }), (error: AdminError) => {
      assert.equal(error.message, 'There is no verb "divide"');
      assert.equal(error.exit, 2);
      return true;
    });
    assert.equal(Deno.statSync(path).mode! & 0o777, 0o600);
  }));

Deno.test("a second server on a live socket is refused, a dead socket is replaced", () =>
  inFolder(async (path) => {
    const first = await AdminServer.listen(path, () => "first");
    await assert.rejects(AdminServer.listen(path, () => "second"), /another process answers/);
    await first[Symbol.asyncDispose]();
    await assert.rejects(ask(path, { verb: "x" }), /nothing runs there/);
    const left = Deno.listen({ transport: "unix", path });
    left.close();
    await using _second = await AdminServer.listen(path, () => "second");
    assert.equal(await ask(path, { verb: "x" }), "second");
  }));

Deno.test("events are streamed until the follower goes", () =>
  inFolder(async (path) => {
    const gone = Promise.withResolvers<void>();
    await using _server = await AdminServer.listen(path, async (_request, stream) => {
      stream.signal.addEventListener("abort", () => gone.resolve());
      for (let n = 0; !stream.signal.aborted && n < 1e6; n++) await stream.follow({ n });
    });
    const seen: unknown[] = [];
    for await (const event of follow(path, { verb: "events" })) {
      seen.push(event);
      if (seen.length === 3) break;
    }
    assert.deepEqual(seen, [{ n: 0 }, { n: 1 }, { n: 2 }]);
    await gone.promise;
  }));

Deno.test("whoever follows can stop while nothing happens", () =>
  inFolder(async (path) => {
    const stop = new AbortController();
    await using _server = await AdminServer.listen(path, async (_request, stream) => {
      await stream.follow("first");
      await new Promise<void>((resolve) => stop.signal.addEventListener("abort", () => resolve()));
    });
    const seen: unknown[] = [];
    for await (const event of follow(path, { verb: "events" }, stop.signal)) {
      seen.push(event);
      setTimeout(() => stop.abort());
    }
    assert.deepEqual(seen, ["first"]);
  }));
