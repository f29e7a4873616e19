import assert from "node:assert/strict";
import { parseNatConfig } from "../config/nat_config.ts";
import { EventLog } from "../control/event_log.ts";
import { DrainWatch, removedServers } from "./drain_watch.ts";
import type { ServerRow } from "./server_views.ts";

const [S1, S2] = ["10.0.0.11:80", "10.0.0.12:80"];
const key = (address: string) => `tcp 203.0.113.10:80 ${address}`;

type Row = Pick<ServerRow, "service" | "address" | "draining" | "removed" | "sessions">;

class World {
  readonly #rows = new Map<string, Row>();
  looks = 0;
  /** What happens while a look goes through the table. */
  meanwhile = () => {};
  readonly events = new EventLog({ capacity: 100, now: () => 0 });
  readonly watch = new DrainWatch(this.events, () => {
    this.looks++;
    const rows = new Map(this.#rows) as unknown as Map<string, ServerRow>;
    this.meanwhile();
    return Promise.resolve(rows);
  });

  constructor() {
    this.has(S1, {});
    this.has(S2, {});
  }

  has(address: string, changes: Partial<Row> | null): void {
    if (changes === null) this.#rows.delete(key(address));
    else {
      this.#rows.set(key(address), {
        ...{ service: "web", address, draining: false, removed: false, sessions: 0 },
        ...changes,
      });
    }
  }

  drain(address: string, sessions: number): void {
    this.has(address, { draining: true, sessions });
    this.watch.ordered((it) => it === address);
  }

  undrain(address: string): void {
    this.has(address, {});
    this.watch.ordered((it) => it === address);
  }

  remove(address: string, sessions: number, service = "web"): void {
    this.has(address, sessions === 0 ? null : { service, draining: true, removed: true, sessions });
    this.watch.removed(new Map([[key(address), { service, address }]]));
  }

  /** What the log has after a look. */
  async look(): Promise<string[]> {
    const before = this.events.kept.length;
    await this.watch.look();
    return this.events.kept.slice(before).map(({ type, service, server, sessions }) =>
      [type, service, server, sessions].filter((it) => it !== undefined).join(" ")
    );
  }

  async looksFor(times: number): Promise<string[]> {
    const told: string[] = [];
    for (let n = 0; n < times; n++) told.push(...await this.look());
    return told;
  }
}

const DRAINED = `server-drained web ${S2}`;

Deno.test("a drained server is told when its last session is over", async () => {
  const world = new World();
  world.drain(S2, 2);
  assert.deepEqual(await world.looksFor(3), []);
  world.has(S2, { draining: true });
  assert.deepEqual(await world.look(), [DRAINED]);
  world.watch.ordered(() => false);
  assert.deepEqual(await world.looksFor(2), []);
});

Deno.test("a server without sessions is drained too, each time that it drains", async () => {
  const world = new World();
  world.drain(S2, 0);
  assert.deepEqual(await world.looksFor(2), [DRAINED]);
  world.undrain(S2);
  world.drain(S2, 0);
  assert.deepEqual(await world.looksFor(2), [DRAINED]);
  world.undrain(S2);
  assert.deepEqual(await world.looksFor(2), []);
  world.drain(S2, 0);
  assert.deepEqual(await world.looksFor(2), [DRAINED]);
  // An operator who asks again is answered again.
  world.drain(S2, 0);
  assert.deepEqual(await world.looksFor(2), [DRAINED]);
});

Deno.test("a look that began before a server drained says nothing of its sessions", async () => {
  const world = new World();
  world.meanwhile = () => {
    world.meanwhile = () => {};
    world.drain(S2, 1);
  };
  world.has(S2, { draining: true });
  assert.deepEqual(await world.looksFor(3), []);
  world.has(S2, { draining: true });
  assert.deepEqual(await world.look(), [DRAINED]);
});

Deno.test("a removed server is told with its sessions, and again after the last", async () => {
  const world = new World();
  world.remove(S2, 3);
  assert.deepEqual(await world.looksFor(2), [`server-removed web ${S2} 3`]);
  world.has(S2, null);
  assert.deepEqual(await world.look(), [DRAINED]);
  world.watch.ordered(() => false);
  assert.deepEqual(await world.looksFor(2), []);
});

Deno.test("a removed server whose last session ended before anybody looked is told all the same", async () => {
  const world = new World();
  world.remove(S2, 0);
  assert.deepEqual(await world.looksFor(2), [`server-removed web ${S2} 0`, DRAINED]);
  world.watch.ordered(() => false);
  assert.deepEqual(await world.looksFor(2), []);
});

Deno.test("a drained server that is then removed is told as removed too, but not drained twice", async () => {
  const world = new World();
  world.drain(S2, 0);
  assert.deepEqual(await world.looksFor(2), [DRAINED]);
  world.remove(S2, 0);
  assert.deepEqual(await world.looksFor(3), [`server-removed web ${S2} 0`]);
});

Deno.test("a removed server that comes back has not drained, and can be removed again", async () => {
  const world = new World();
  world.remove(S2, 1);
  assert.deepEqual(await world.look(), [`server-removed web ${S2} 1`]);
  world.has(S2, { sessions: 1 });
  world.watch.removed(new Map());
  assert.deepEqual(await world.looksFor(2), []);
  world.remove(S2, 0);
  assert.deepEqual(await world.looksFor(2), [`server-removed web ${S2} 0`, DRAINED]);
  world.has(S2, {});
  world.remove(S2, 0);
  assert.deepEqual(await world.looksFor(2), [`server-removed web ${S2} 0`, DRAINED]);
});

Deno.test("a service that is called otherwise has not drained", async () => {
  const world = new World();
  world.drain(S2, 3);
  assert.deepEqual(await world.look(), []);
  world.has(S2, { service: "www", draining: true, sessions: 3 });
  world.watch.removed(new Map());
  assert.deepEqual(await world.looksFor(2), []);
  world.remove(S2, 3, "203.0.113.10:80");
  assert.deepEqual(await world.looksFor(2), [`server-removed 203.0.113.10:80 ${S2} 3`]);
  world.has(S2, null);
  assert.deepEqual(await world.look(), [`server-drained 203.0.113.10:80 ${S2}`]);
});

Deno.test("nobody goes through the table while nothing drains", async () => {
  const world = new World();
  await world.looksFor(3);
  assert.equal(world.looks, 1);
  world.drain(S2, 0);
  await world.looksFor(5);
  assert.equal(world.looks, 3);
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
  assert.deepEqual([...removedServers(before, before)], []);
  const after = config({ name: "www", port: 80, servers: ["10.0.0.11"] });
  assert.deepEqual([...removedServers(before, after)], [
    [key(S2), { service: "www", address: S2 }],
    [`tcp 203.0.113.10:81 ${S1}`, { service: "203.0.113.10:81", address: S1 }],
  ]);
});
