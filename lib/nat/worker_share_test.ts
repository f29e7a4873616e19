import assert from "node:assert/strict";
import { PacketExchange } from "../datapath/packet_exchange.ts";
import { BATCH, SLOT_BYTES } from "../datapath/packet_source.ts";
import { openEventFd } from "../linux/event_fd.ts";
import { mapAnonymous } from "../linux/memory.ts";
import { makeCounters } from "../session/counters.ts";
import { DICTIONARY_ENTRIES, HEADER, regionBytes } from "../session/layout.ts";
import { formatTable } from "../session/session_records.ts";
import { SessionTable } from "../session/session_table.ts";
import { buildPacket } from "../wire/build_frame.ts";
import { Packet } from "../wire/packet.ts";
import { IP_OFFSET } from "../datapath/engine.ts";
import { words } from "./_test_translator.ts";
import { Steering } from "./steering.ts";
import { WorkerShare } from "./worker_share.ts";

const RULE = { workers: 2, key: 9, ipv4: 32, ipv6: 128, ports: true };
const CLIENT = "198.51.100.7:4000";

Deno.test("a session that is rebuilt elsewhere does not take the packets of the client's new one", () => {
  const region = new ArrayBuffer(regionBytes(256));
  formatTable(region, 256, { epoch: 1, bootId: [] });
  const rings = PacketExchange.rings(2);
  const peers = [0, 1].map(() => ({
    signals: new SharedArrayBuffer(64),
    bell: openEventFd().fd.release(),
  }));
  const client = Int32Array.from(words("198.51.100.7"));
  const own = new Steering(RULE).ofClient(client, 0, 4000);
  const tables = [0, 1].map((worker) =>
    new SessionTable(region, [7, 9], undefined, { worker, workers: 2 })
  );
  const [vip, server, nat] = [["203.0.113.10", 80], ["10.0.0.11", 8080], ["10.0.1.1", 0]].map((
    [address, port],
  ) => tables[0]!.internEndpoint(Int32Array.from(words(String(address))), 0, Number(port)));
  for (const table of tables) table.internEndpoint(Int32Array.from(words("10.0.1.1")), 0, 0);
  assert.equal(tables[1]!.header[HEADER.dictionaryUsed], 4);
  const session = (worker: number) => ({
    addresses: client,
    clientOffset: 0,
    clientPort: 4000,
    vip: vip!,
    server: server!,
    natAddress: nat!,
    natPort: 2000 + worker,
    protocol: 6,
    state: 2,
  });
  /** Where the client's worker has a packet of his translated. */
  const owner = (share: WorkerShare, translated: () => boolean) => {
    const bytes = buildPacket({ protocol: "tcp", source: CLIENT, destination: "203.0.113.10:80" });
    const packet = new Packet();
    packet.attach(new ArrayBuffer(IP_OFFSET + bytes.length));
    packet.bytes.set(bytes, IP_OFFSET);
    packet.parse(IP_OFFSET, bytes.length);
    share.director.handle(packet, 0, 1);
    return translated() ? own : 1 - own;
  };
  const shareOf = (worker: number) => {
    let isTranslated = false;
    const share = new WorkerShare({
      part: { worker, workers: 2 },
      sharing: {
        steering: RULE,
        rings,
        peers,
        natAddresses: new SharedArrayBuffer(DICTIONARY_ENTRIES),
        identificationKey: [1, 2],
      },
      table: tables[worker]!,
      memory: mapAnonymous((1 + BATCH) * SLOT_BYTES),
      memoryOffset: SLOT_BYTES,
      counters: makeCounters(),
      key: [3, 4],
      linkOf: () => 0,
      translate: () => {
        isTranslated = true;
        return 1;
      },
    });
    return { share, translated: () => isTranslated };
  };
  const rebuilt = tables[1 - own]!.insert(session(1 - own), 0);
  const before = shareOf(own);
  before.share.addForeign([rebuilt]);
  assert.equal(owner(before.share, before.translated), 1 - own, "the rebuilt one is the only one");
  tables[own]!.insert(session(own), 0);
  const after = shareOf(own);
  after.share.addForeign([rebuilt]);
  assert.equal(owner(after.share, after.translated), own, "the client's new one is found");
});
