import assert from "node:assert/strict";
import { ServerBoard } from "../policy/server_board.ts";
import { IpAddress } from "../wire/address.ts";
import { type FrameOptions } from "../wire/build_frame.ts";
import { Bench, config, service, words } from "./_test_translator.ts";

const SYN = 2, ACK = 16, RST = 4, FIN = 1;
const VIP = "203.0.113.10:80";
const NOTHING = { answered: 0, refused: 0, silent: 0 };

/** A service with one server, and room for many sessions. */
function oneServer(): Bench {
  const servers = [{ words: words("10.0.0.11"), port: 8080, weight: 1 }];
  const one = config({ services: [service({ servers })], portLast: 60_000 });
  return new Bench({ config: one, capacity: 8192 });
}

function signsOf(bench: Bench, server = "10.0.0.11") {
  const entry = bench.table.findEndpoint(IpAddress.parse(server).words, 0, 8080);
  return bench.signs.read(entry);
}

/** A SYN of client number `n`; what the server would have to answer. */
function open(bench: Bench, n: number): FrameOptions {
  const source = `198.51.${n >> 8}.${n & 255}:40000`;
  const syn = bench.send({ protocol: "tcp", source, destination: VIP, flags: SYN, sequence: 1000 });
  return { protocol: "tcp", source: syn.destination, destination: syn.source };
}

Deno.test("a SYN that is answered, and one that is refused, are counted once each", () => {
  const bench = oneServer();
  const answer = { ...open(bench, 1), flags: SYN | ACK, acknowledgement: 1001 };
  bench.send(answer);
  bench.send(answer);
  assert.deepEqual(signsOf(bench), { ...NOTHING, answered: 1 });
  const refusal = { ...open(bench, 2), flags: RST | ACK, acknowledgement: 1001 };
  bench.send(refusal);
  bench.send(refusal);
  assert.deepEqual(signsOf(bench), { ...NOTHING, answered: 1, refused: 1 });
});

Deno.test("a RST that does not acknowledge the SYN, or comes later, says nothing of the server", () => {
  const bench = oneServer();
  bench.send({ ...open(bench, 1), flags: RST, sequence: 7 });
  bench.send({ ...open(bench, 2), flags: RST | ACK, acknowledgement: 555 });
  const later = open(bench, 3);
  bench.send({ ...later, flags: SYN | ACK, acknowledgement: 1001 });
  bench.send({ ...later, flags: RST | ACK, acknowledgement: 1001 });
  assert.deepEqual(signsOf(bench), { ...NOTHING, answered: 1 });
});

Deno.test("a client that sends resets, or nothing more, takes no server down", () => {
  const bench = oneServer();
  const client: FrameOptions = { protocol: "tcp", source: "198.51.100.2:40000", destination: VIP };
  for (let n = 0; n < 100; n++) {
    const source = `198.51.100.2:${40000 + n}`;
    bench.send({ ...client, source, flags: SYN });
    bench.send({ ...client, source, flags: RST });
    bench.send({ ...client, source, flags: FIN | ACK });
  }
  assert.deepEqual(signsOf(bench), NOTHING);
});

Deno.test("a flood of SYNs from invented clients takes no server down, though none is answered", () => {
  const bench = oneServer();
  for (let n = 0; n < 5000; n++) {
    open(bench, n);
    bench.pass(1);
  }
  assert.deepEqual(signsOf(bench), NOTHING);
});

Deno.test("a SYN repeated after three seconds without answer counts, once a session and once for one client", () => {
  const bench = oneServer();
  const repeat = (source: string, sequence = 1000) =>
    bench.send({ protocol: "tcp", source, destination: VIP, flags: SYN, sequence });
  repeat("198.51.100.2:40000");
  bench.pass(1_000);
  repeat("198.51.100.2:40000");
  assert.deepEqual(signsOf(bench), NOTHING);
  bench.pass(2_000);
  repeat("198.51.100.2:40000");
  repeat("198.51.100.2:40000");
  assert.deepEqual(signsOf(bench), { ...NOTHING, silent: 1 });
  // More of the same client: it may be the one whose packets get lost.
  for (let port = 40001; port < 40050; port++) {
    repeat(`198.51.100.2:${port}`);
    bench.pass(3_000);
    repeat(`198.51.100.2:${port}`);
  }
  assert.deepEqual(signsOf(bench), { ...NOTHING, silent: 1 });
  repeat("198.51.100.3:40000");
  bench.pass(3_000);
  repeat("198.51.100.3:40000");
  assert.deepEqual(signsOf(bench), { ...NOTHING, silent: 2 });
});

Deno.test("a SYN that is repeated because its answer got lost on the way to the client does not count", () => {
  const bench = oneServer();
  bench.send({ ...open(bench, 1), flags: SYN | ACK, acknowledgement: 1001 });
  bench.pass(3_000);
  open(bench, 1);
  assert.deepEqual(signsOf(bench), { ...NOTHING, answered: 1 });
});

Deno.test("a SYN repeated to a server that is down by then goes to another, from another NAT endpoint", () => {
  for (const refused of [false, true]) {
    const board = new ServerBoard([{ name: "a", weight: 1 }, { name: "b", weight: 1 }]);
    const bench = new Bench({ config: config({ services: [service({ board: board.buffer })] }) });
    const first = open(bench, 1);
    if (refused) bench.send({ ...first, flags: RST | ACK, acknowledgement: 1001 });
    bench.pass(3_000);
    board.shares[first.source === "10.0.0.11:8080" ? 0 : 1] = 0;
    const second = open(bench, 1);
    assert.notEqual(second.source, first.source);
    assert.notEqual(second.destination, first.destination);
    // And stays there.
    bench.pass(1_000);
    assert.deepEqual(open(bench, 1), second);
  }
});

Deno.test("a session that was answered stays with its server, also when that is down and the SYN is repeated", () => {
  const board = new ServerBoard([{ name: "a", weight: 1 }, { name: "b", weight: 1 }]);
  const bench = new Bench({ config: config({ services: [service({ board: board.buffer })] }) });
  const first = open(bench, 1);
  bench.send({ ...first, flags: SYN | ACK, acknowledgement: 1001 });
  bench.pass(3_000);
  board.shares[first.source === "10.0.0.11:8080" ? 0 : 1] = 0;
  assert.deepEqual(open(bench, 1), first);
});
