import assert from "node:assert/strict";
import { parseNatConfig } from "../config/nat_config.ts";
import { EventLog } from "../control/event_log.ts";
import { DrainWatch, removedServers } from "./drain_watch.ts";
import type { ServerRow } from "./server_views.ts";

const S1 = { service: "web", address: "10.0.0.11:80" };
const S2 = { service: "web", address: "10.0.0.12:80" };

type Row = Pick<ServerRow, "service" | "address" | "draining" | "removed" | "sessions">;

function row(server: typeof S1, changes: Partial<Row> = {}): Row {
  return { ...server, draining: false, removed: false, sessions: 0, ...changes };
}

class World {
  rows: Row[] = [row(S1), row(S2)];
  looks = 0;
  readonly events = new EventLog({ capacity: 100, now: () => 0 });
  readonly watch = new DrainWatch(this.events, () => {
    this.looks++;
    return Promise.resolve(this.rows as ServerRow[]);
  });

  /** What the log has after a look. */
  async look(): Promise<string[]> {
    const before = this.events.kept.length;
    await this.watch.look();
    return this.events.kept.slice(before).map(({ type, server, sessions }) =>
      [type, server, sessions].filter((it) => it !== undefined).join(" ")
    );
  }
}

Deno.test("a drained server is told when its last session is over", async () => {
  const world = new World();
  assert.deepEqual(await world.look(), []);
  world.rows = [row(S1), row(S2, { draining: true, sessions: 2 })];
  world.watch.begin();
  assert.deepEqual(await world.look(), []);
  world.rows = [row(S1), row(S2, { draining: true, sessions: 0 })];
  assert.deepEqual(await world.look(), ["server-drained 10.0.0.12:80"]);
  assert.deepEqual(await world.look(), []);
});

Deno.test("a server without sessions is drained as soon as it drains, and only once", async () => {
  const world = new World();
  world.rows = [row(S1), row(S2, { draining: true })];
  world.watch.begin();
  assert.deepEqual(await world.look(), ["server-drained 10.0.0.12:80"]);
  world.watch.begin();
  assert.deepEqual(await world.look(), []);
  world.rows = [row(S1), row(S2)];
  world.watch.begin();
  assert.deepEqual(await world.look(), []);
  world.rows = [row(S1), row(S2, { draining: true })];
  world.watch.begin();
  assert.deepEqual(await world.look(), ["server-drained 10.0.0.12:80"]);
});

Deno.test("a removed server is told with its sessions, and again after the last", async () => {
  const world = new World();
  world.watch.begin([S2]);
  world.rows = [row(S1), row(S2, { draining: true, removed: true, sessions: 3 })];
  assert.deepEqual(await world.look(), ["server-removed 10.0.0.12:80 3"]);
  world.rows = [row(S1)];
  assert.deepEqual(await world.look(), ["server-drained 10.0.0.12:80"]);
  assert.deepEqual(await world.look(), []);
});

Deno.test("a removed server whose last session ended before anybody looked is told all the same", async () => {
  const world = new World();
  world.watch.begin([S2]);
  world.rows = [row(S1)];
  assert.deepEqual(await world.look(), [
    "server-removed 10.0.0.12:80 0",
    "server-drained 10.0.0.12:80",
  ]);
  assert.deepEqual(await world.look(), []);
});

Deno.test("a drained server that is then removed is told as removed too, but not drained twice", async () => {
  const world = new World();
  world.rows = [row(S1), row(S2, { draining: true })];
  world.watch.begin();
  assert.deepEqual(await world.look(), ["server-drained 10.0.0.12:80"]);
  world.rows = [row(S1)];
  world.watch.begin([S2]);
  assert.deepEqual(await world.look(), ["server-removed 10.0.0.12:80 0"]);
});

Deno.test("a removed server that comes back has not drained", async () => {
  const world = new World();
  world.watch.begin([S2]);
  world.rows = [row(S1), row(S2, { draining: true, removed: true, sessions: 1 })];
  await world.look();
  world.rows = [row(S1), row(S2, { sessions: 1 })];
  assert.deepEqual(await world.look(), []);
  world.rows = [row(S1), row(S2)];
  assert.deepEqual(await world.look(), []);
});

Deno.test("nobody goes through the table while nothing drains", async () => {
  const world = new World();
  await world.look();
  await world.look();
  assert.equal(world.looks, 1);
});

Deno.test("what a configuration no longer has goes by the name that its rows have from then on", () => {
  const config = (...services: { name: string; port: number; servers: string[] }[]) =>
    parseNatConfig({
      file: "nat.yaml",
      text: JSON.stringify({
        interfaces: ["eth0"],
        snat: { addresses: ["10.0.0.1"] },
        services: services.map(({ servers, ...service }) => ({
          vip: "203.0.113.10",
          ...service,
          servers: servers.map((address) => ({ address, port: 80 })),
        })),
      }),
    });
  const before = config(
    { name: "web", port: 80, servers: ["10.0.0.11", "10.0.0.12"] },
    { name: "app", port: 81, servers: ["10.0.0.11"] },
  );
  assert.deepEqual(removedServers(before, before), []);
  const after = config({ name: "www", port: 80, servers: ["10.0.0.11"] });
  assert.deepEqual(removedServers(before, after), [
    { service: "www", address: "10.0.0.12:80" },
    { service: "203.0.113.10:81", address: "10.0.0.11:80" },
  ]);
});
