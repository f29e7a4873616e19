import assert from "node:assert/strict";
import type { NatConfig, ServiceConfig } from "../config/nat_config.ts";
import { EventLog } from "../control/event_log.ts";
import { FLAG, regionBytes, U8 } from "../session/layout.ts";
import { REASON } from "../session/path_reason.ts";
import { formatTable } from "../session/session_records.ts";
import { SessionTable } from "../session/session_table.ts";
import { STATE } from "../session/tcp_state.ts";
import { parseEndpoint } from "../wire/address.ts";
import { parseAddressRange } from "../wire/prefix.ts";
import { PROTOCOL_TCP } from "../wire/protocol.ts";
import { BypassControl } from "./bypass_control.ts";
import { InstructionBook } from "./instruction_book.ts";
import { OperatorState } from "./operator_state.ts";
import { COMMAND } from "./worker_protocol.ts";

const SERVER = "10.0.0.11:8080";

Deno.test("an operator's stop and start leave the reason of a session that is over", async () => {
  using world = new World({ bytes: 65536 });
  const [living, over] = [world.session(), world.session()];
  world.table.setU8(over, U8.state, STATE.closed);
  world.table.setU8(over, U8.reason, REASON.bytes);
  await world.control.operatorStop({ all: true }, 0);
  assert.deepEqual([world.reason(living), world.reason(over)], [REASON.operator, REASON.bytes]);
  assert.deepEqual(world.control.operatorStart({ server: "10.0.0.11" }), { sessions: 0, held: 1 });
  assert.equal(world.reason(living), REASON.operator);
  assert.deepEqual(world.control.operatorStart({ all: true }), { sessions: 1, held: 0 });
  assert.deepEqual([world.reason(living), world.reason(over)], [REASON.waiting, REASON.bytes]);
  assert.deepEqual(world.rearmed, [living]);
});

Deno.test("another configuration says of each session what the criteria say now", () => {
  using world = new World({ bytes: 65536 });
  const [watched, declined] = [world.session(FLAG.armed), world.session()];
  world.table.setU8(declined, U8.reason, REASON.noAgent);
  world.control.configure(config({ packets: 10 }));
  assert.deepEqual([world.reason(watched), world.reason(declined)], [0, REASON.waiting]);
  assert.deepEqual(world.rearmed, [declined], "the other one is being watched already");
  world.control.configure(config({ never: true }));
  assert.deepEqual([world.reason(watched), world.reason(declined)], [REASON.never, REASON.never]);
  assert.deepEqual(world.rearmed, [declined]);
});

Deno.test("what finds the ring full is sent later, in order", () => {
  using world = new World({ bytes: 65536 });
  const slots = [world.session(), world.session(), world.session()];
  world.room = 1;
  world.control.configure(config({ packets: 10 }));
  assert.deepEqual(world.rearmed, slots.slice(0, 1));
  world.room = 1;
  world.control.tick();
  assert.deepEqual(world.rearmed, slots.slice(0, 2));
  world.room = 9;
  world.control.tick();
  assert.deepEqual(world.rearmed, slots);
});

/** A control with a table of its own; its worker only notes what it is told. */
class World implements Disposable {
  readonly table: SessionTable;
  readonly control: BypassControl;
  readonly rearmed: number[] = [];
  /** Commands that the ring takes. */
  room = Infinity;
  readonly #folder = Deno.makeTempDirSync({ prefix: "bypath-control-" });

  constructor(start: ServiceConfig["bypass"]["start"]) {
    const region = new ArrayBuffer(regionBytes(16));
    formatTable(region, 16, { epoch: 42, bootId: [1, 2, 3, 4] });
    this.table = new SessionTable(region, [7, 9]);
    this.control = new BypassControl({
      records: this.table,
      events: new EventLog({ capacity: 16, now: () => 0 }),
      operator: new OperatorState(`${this.#folder}/operator`),
      config: config(start),
      agentFor: () => undefined,
      command: (command, slot) => {
        if (this.room-- <= 0) return false;
        if (command === COMMAND.rearm) this.rearmed.push(slot);
        return true;
      },
      now: () => 0,
    });
    this.control.use(
      new InstructionBook({
        epoch: "16",
        leaseMs: 10_000,
        marginMs: 1_000,
        firstGeneration: 1,
        send: () => {},
        changed: (event) => this.control.changed(event),
      }),
    );
  }

  session(flags = 0): number {
    const { table } = this;
    const words = (text: string) => Int32Array.from(parseEndpoint(text).address.words);
    const port = 40000 + table.used;
    const slot = table.insert({
      addresses: Int32Array.from([...words("198.51.100.2:1"), ...words("203.0.113.10:80")]),
      clientOffset: 0,
      clientPort: port,
      vip: table.internEndpoint(words("203.0.113.10:80"), 0, 80),
      server: table.internEndpoint(words(SERVER), 0, 8080),
      natAddress: table.internEndpoint(words("10.0.1.1:1"), 0, 0),
      natPort: port,
      protocol: PROTOCOL_TCP,
      state: STATE.established,
    }, 0);
    table.setU8(slot, U8.flags, table.getU8(slot, U8.flags) | flags);
    return slot;
  }

  reason(slot: number): number {
    return this.table.getU8(slot, U8.reason);
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.#folder, { recursive: true });
  }
}

/** As far as the control looks at it. */
function config(start: ServiceConfig["bypass"]["start"]): NatConfig {
  const service = {
    name: "web",
    protocol: "tcp",
    vip: parseEndpoint("203.0.113.10:80"),
    servers: [{ address: parseEndpoint(SERVER), weight: 1 }],
    bypass: { start, stop: {} },
  };
  const snat = { addresses: [parseAddressRange("10.0.1.0/24")], portFirst: 1, portLast: 65535 };
  return { services: [service], snat } as unknown as NatConfig;
}
