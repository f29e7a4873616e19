import assert from "node:assert/strict";
import type { HealthResults } from "../control/messages.ts";
import { AppChecks } from "./app_checks.ts";

Deno.test("an agent checks its own applications as asked, tells each result, and connects to nobody else", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const own = `127.0.0.1:${(listener.addr as Deno.NetAddr).port}`;
  const other = Deno.listen({ hostname: "127.0.0.2", port: 0 });
  const stranger = `127.0.0.2:${(other.addr as Deno.NetAddr).port}`;
  let visits = 0;
  const taken = Promise.all([listener, other].map(async (each) => {
    for await (const connection of each) {
      if (each === other) visits++;
      connection.close();
    }
  }));
  const told: HealthResults[] = [];
  {
    using checks = new AppChecks(["127.0.0.1"], (message) => told.push(message));
    const timing = { intervalMs: 100, timeoutMs: 100 };
    checks.ask([{ server: own, ...timing }, { server: stranger, ...timing }]);
    await until(() => told.length > 1);
    listener.close();
    await until(() => told.at(-1)!.entries[0]!.good === false);
    // Asked for nothing, it is silent.
    checks.ask([]);
    const before = told.length;
    await new Promise((resolve) => setTimeout(resolve, 250));
    assert.equal(told.length, before);
  }
  other.close();
  await taken;
  assert.equal(visits, 0);
  assert.deepEqual(told[0], {
    type: "health",
    entries: [{ server: own, good: true, detail: "connected" }],
  });
  assert.equal(told.at(-1)!.entries[0]!.detail, "connection refused");
});

Deno.test("what is no endpoint is the NAT machine's mistake, and named so", () => {
  using checks = new AppChecks(["127.0.0.1"], () => {});
  const entry = { server: "nonsense", intervalMs: 100, timeoutMs: 100 };
  assert.throws(() => checks.ask([entry]), SyntaxError);
});

async function until(holds: () => boolean): Promise<void> {
  for (let waited = 0; !holds(); waited += 20) {
    assert.ok(waited < 10_000);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
