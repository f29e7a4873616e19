/**
 * What the size of the session table costs a packet: `deno bench -A lib/nat/table_size_bench.ts`.
 *
 * One iteration is 16 batches of 64 packets, each of a session chosen at random; divide by 1024. `found`
 * are the lookups alone with the counting of a packet, as the datapath does them; `translated` is
 * all that is done with a packet between the two system calls.
 */
import { mapHuge } from "../linux/memory.ts";
import { F64, RECORD_BYTES } from "../session/layout.ts";
import { SessionTable } from "../session/session_table.ts";
import { STATE } from "../session/tcp_state.ts";
import { buildPacket } from "../wire/build_frame.ts";
import { finish, sum16 } from "../wire/checksum.ts";
import { Packet } from "../wire/packet.ts";
import { config, words } from "./_test_translator.ts";
import { loneTranslator } from "./lone_translator.ts";
import { openStateFile } from "./state_file.ts";
import type { Translator } from "./translator.ts";

const BATCH = 64;
const SLOT_BYTES = 2048;
const IP_OFFSET = 24;
const PORTS = 60_000;
const NOW_MS = 1_000_000;
/** Each round takes one off it. */
const HOP_LIMIT = 64;

/** Client n's address, spread as addresses of strangers are: 32.0.0.0 to 95.255.255.255. */
function clientOf(n: number): number {
  let hash = Math.imul(n + 1, 0x9e3779b1);
  hash = Math.imul(hash ^ (hash >>> 15), 0x85ebca6b);
  return 0x20000000 + ((hash ^ (hash >>> 13)) & 0x3fffffff);
}

/** The pages of a table's file on tmpfs, as /run is; they last as long as this process. */
function tableInMemory(capacity: number): ArrayBuffer {
  const folder = Deno.makeTempDirSync({ dir: "/dev/shm" });
  try {
    const options = { capacity, bootId: [], random: () => 0.5 };
    return openStateFile(`${folder}/table`, options).mapping.buffer;
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

class Machine {
  readonly #table: SessionTable;
  readonly #translator: Translator;
  readonly #packet = new Packet();
  readonly #client = Int32Array.of(0, 0, 0xffff, 0);
  readonly #chosen = new Int32Array(BATCH);
  readonly #sessions: number;
  #seed = 1;

  constructor(sessions: number) {
    this.#sessions = sessions;
    const region = tableInMemory(sessions);
    this.#table = new SessionTable(region, [3, 5], (bytes) => mapHuge(bytes).buffer);
    const entry = (address: string, port: number) =>
      this.#table.internEndpoint(Int32Array.from(words(address)), 0, port);
    const vip = entry("203.0.113.10", 80);
    const server = entry("10.0.0.11", 8080);
    for (let n = 0; n < sessions; n++) {
      const natAddress = entry(`10.0.1.${1 + Math.floor(n / PORTS)}`, 0);
      this.#client[3] = clientOf(n);
      this.#table.insert({
        addresses: this.#client,
        clientOffset: 0,
        clientPort: 1024 + n % PORTS,
        vip,
        server,
        natAddress,
        natPort: 1024 + n % PORTS,
        protocol: 6,
        state: STATE.established,
      }, NOW_MS);
    }
    this.#translator = loneTranslator({
      table: this.#table,
      config: config(),
      random: () => 0.5,
      nowMs: NOW_MS,
    });
    const bytes = buildPacket({
      protocol: "tcp",
      source: "198.51.100.2:40000",
      destination: "203.0.113.10:80",
      flags: 16,
    });
    this.#packet.attach(new ArrayBuffer(BATCH * SLOT_BYTES));
    for (let i = 0; i < BATCH; i++) this.#packet.bytes.set(bytes, i * SLOT_BYTES + IP_OFFSET);
  }

  find(): void {
    const { index, f64 } = this.#table;
    const pays = index.foresees;
    for (let i = 0; i < BATCH; i++) {
      const n = this.#chosen[i] = this.#choose();
      if (!pays) continue;
      this.#client[3] = clientOf(n);
      index.foreseeInbound(this.#client, 0, 1024 + n % PORTS, 1, 6);
    }
    if (pays) index.fetch();
    for (let i = 0; i < BATCH; i++) {
      const n = this.#chosen[i]!;
      this.#client[3] = clientOf(n);
      const slot = this.#table.findInbound(this.#client, 0, 1024 + n % PORTS, 1, 6);
      const at = slot * (RECORD_BYTES / 8) + F64.packetsFromClient;
      f64[at] = f64[at]! + 1;
    }
  }

  translate(): void {
    const packet = this.#packet;
    const { foresight } = this.#translator;
    for (let i = 0; i < BATCH; i++) {
      const n = this.#choose();
      const at = i * SLOT_BYTES + IP_OFFSET;
      packet.view.setInt32(at + 12, clientOf(n));
      packet.view.setUint32(at + 16, 0xcb00710a);
      packet.view.setUint32(at + 20, (1024 + n % PORTS) << 16 | 80);
      packet.view.setUint8(at + 8, HOP_LIMIT);
      packet.view.setUint16(at + 10, 0);
      packet.view.setUint16(at + 10, finish(sum16(packet.view, at, 20)));
    }
    if (foresight.pays) {
      for (let i = 0; i < BATCH; i++) foresight.look(packet.view, i * SLOT_BYTES + IP_OFFSET);
      foresight.fetch();
    }
    for (let i = 0; i < BATCH; i++) {
      if (packet.parse(i * SLOT_BYTES + IP_OFFSET, 40) !== 0) throw new Error("It must parse");
      if (this.#translator.handle(packet, i * SLOT_BYTES, NOW_MS) !== 1) {
        throw new Error("It must be forwarded");
      }
    }
  }

  #choose(): number {
    this.#seed = (Math.imul(this.#seed, 1664525) + 1013904223) >>> 0;
    return Math.floor(this.#seed / 2 ** 32 * this.#sessions);
  }
}

for (const sessions of [10_000, 100_000, 1_048_576]) {
  // Made when it is first needed, so that a filter saves the time and the memory.
  let machine: Machine | undefined;
  const made = () => machine ??= new Machine(sessions);
  const baseline = sessions === 10_000;
  const name = `${sessions.toLocaleString("en")} sessions`;
  Deno.bench(`found: ${name}`, { group: "found", baseline }, (b) => {
    made();
    b.start();
    for (let i = 0; i < 16; i++) machine!.find();
    b.end();
  });
  Deno.bench(`translated: ${name}`, { group: "translated", baseline }, (b) => {
    made();
    b.start();
    for (let i = 0; i < 16; i++) machine!.translate();
    b.end();
  });
}
