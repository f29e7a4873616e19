import assert from "node:assert/strict";
import type { NatConfig } from "../config/nat_config.ts";
import { EventLog } from "../control/event_log.ts";
import { type NatMessage, NO_COUNTERS } from "../control/messages.ts";
import { F64, HOLD_INSTRUCTION, HOLD_NONE, regionBytes, U16, U8 } from "../session/layout.ts";
import { REASON } from "../session/path_reason.ts";
import { formatTable } from "../session/session_records.ts";
import { SessionTable } from "../session/session_table.ts";
import { STATE } from "../session/tcp_state.ts";
import { parseEndpoint } from "../wire/address.ts";
import { PROTOCOL_TCP } from "../wire/protocol.ts";
import { BypassControl } from "./bypass_control.ts";
import { InstructionBook } from "./instruction_book.ts";
import { OperatorState } from "./operator_state.ts";
import { COMMAND } from "./worker_protocol.ts";

import { parseAddressRange } from "../wire/prefix.ts";

const AGENT = "s1";
const SERVER = "10.0.0.11:8080";
const VIP = "203.0.113.10:80";

Deno.test("an instruction in force is stopped when its path MTU changes, and the next one says it", () => {
  using world = new World();
  world.cross();
  world.installed();
  assert.deepEqual(world.sent(), [["install", 1, undefined]]);

  world.setPathMtu(1280);
  world.control.pathMtuChanged(world.slot, world.id);
  assert.deepEqual(world.sent(), [["stop", 1, undefined]]);
  assert.equal(world.table.getU8(world.slot, U8.reason), REASON.pathMtu);
  assert.equal(
    world.table.getU8(world.slot, U8.hold),
    HOLD_INSTRUCTION,
    "the agent may still use it",
  );
  world.stopped();
  assert.equal(world.table.getU8(world.slot, U8.hold), HOLD_NONE);
  assert.deepEqual(world.rearmed, [world.slot]);

  world.cross();
  world.installed();
  assert.deepEqual(world.sent(), [["install", 2, 1280]]);
  world.control.pathMtuChanged(world.slot, world.id);
  world.control.tick();
  assert.deepEqual(world.sent(), [], "it says what is true");
});

Deno.test("a change that could not be told is found within a second", () => {
  using world = new World();
  world.cross();
  world.setPathMtu(1000);
  world.control.tick();
  assert.deepEqual(world.sent(), [["install", 1, undefined], ["stop", 1, undefined]]);
});

Deno.test("a change before there is an instruction, or of a session that is gone, stops nothing", () => {
  using world = new World();
  world.setPathMtu(1300);
  world.control.pathMtuChanged(world.slot, world.id);
  assert.deepEqual(world.sent(), []);
  world.cross();
  assert.deepEqual(world.sent(), [["install", 1, 1300]]);
  world.setPathMtu(1200);
  world.control.pathMtuChanged(world.slot, world.id + 1);
  assert.deepEqual(world.sent(), []);
});

/** One established session, and an agent whose answers the test gives. */
class World implements Disposable {
  readonly table: SessionTable;
  readonly control: BypassControl;
  readonly rearmed: number[] = [];
  readonly slot: number;
  readonly #book: InstructionBook;
  readonly #folder = Deno.makeTempDirSync({ prefix: "bypath-path-mtu-" });
  #messages: NatMessage[] = [];

  constructor() {
    const region = new ArrayBuffer(regionBytes(4));
    formatTable(region, 4, { epoch: 42, bootId: [1, 2, 3, 4] });
    this.table = new SessionTable(region, [7, 9]);
    this.control = new BypassControl({
      records: this.table,
      events: new EventLog({ capacity: 16, now: () => 0 }),
      operator: new OperatorState(`${this.#folder}/operator`),
      config: CONFIG,
      agentFor: () => ({ name: AGENT, able: true }),
      command: (command, slot) => {
        if (command === COMMAND.rearm) this.rearmed.push(slot);
        return true;
      },
      now: () => 0,
    });
    this.#book = new InstructionBook({
      epoch: "16",
      leaseMs: 10_000,
      marginMs: 1_000,
      firstGeneration: 1,
      send: (_agent, message) => this.#messages.push(message),
      changed: (event) => this.control.changed(event),
    });
    this.control.use(this.#book);
    this.#book.agentConnected(AGENT, { instance: "i", table: [], now: 0 });
    this.#answer({ type: "report", nonce: 1, able: true, reason: null, entries: [] });
    this.#messages = [];
    const entry = (end: string) => {
      const { address, port } = parseEndpoint(end);
      return this.table.internEndpoint(Int32Array.from(address.words), 0, port);
    };
    this.slot = this.table.insert({
      addresses: Int32Array.from(parseEndpoint("198.51.100.2:1").address.words),
      clientOffset: 0,
      clientPort: 40000,
      vip: entry(VIP),
      server: entry(SERVER),
      natAddress: entry("10.0.1.1:0"),
      natPort: 2000,
      protocol: PROTOCOL_TCP,
      state: STATE.established,
    }, 0);
  }

  get id(): number {
    return this.table.getF64(this.slot, F64.id);
  }

  /** As the worker does when a packet meets the criteria. */
  cross(): void {
    this.table.setU8(this.slot, U8.hold, HOLD_INSTRUCTION);
    this.control.crossed(this.slot, this.id, REASON.bytes, 65536);
  }

  setPathMtu(bytes: number): void {
    this.table.setU16(this.slot, U16.pathMtu, bytes);
  }

  /** What the agent was sent since the last look: type, generation, path MTU. */
  sent(): unknown[] {
    const all: unknown[] = [];
    for (const message of this.#messages) {
      if (message.type === "install") {
        for (const it of message.entries) all.push(["install", it.generation, it.pathMtu]);
      } else if (message.type === "stop") {
        for (const it of message.entries) all.push(["stop", it.generation, undefined]);
      }
    }
    this.#messages = [];
    return all;
  }

  installed(): void {
    this.#answer({ type: "installed", entries: [this.#key()], refused: [] });
  }

  stopped(): void {
    const entry = { ...this.#key(), known: true, reason: null, ...NO_COUNTERS };
    this.#answer({ type: "stopped", entries: [entry] });
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.#folder, { recursive: true });
  }

  #key() {
    const [view] = this.#book.instructions(0);
    return { session: view!.session, generation: view!.generation };
  }

  #answer(message: Parameters<InstructionBook["message"]>[1]): void {
    this.#book.message(AGENT, message, 0);
  }
}

const CONFIG = {
  snat: { addresses: [parseAddressRange("10.0.1.0/24")], portFirst: 1, portLast: 65535 },
  services: [{
    name: "web",
    protocol: "tcp",
    vip: parseEndpoint(VIP),
    scheduler: "maglev",
    servers: [{ address: parseEndpoint(SERVER), weight: 1 }],
    bypass: { start: { bytes: 65536 }, stop: {} },
  }],
} as unknown as NatConfig;
