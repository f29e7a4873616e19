import assert from "node:assert/strict";
import { DIRECT, I32, INSTRUCTION, U16, U8 } from "../session/layout.ts";
import { DROP } from "../session/drop_reason.ts";
import { STATE } from "../session/tcp_state.ts";
import { verifyL4 } from "../wire/l4_checksum.ts";
import { FLAG_NEEDS_CSUM } from "../wire/virtio_net_header.ts";
import { ACK, ends, FIN, NETS, plain, Session, SYN, V4, V6 } from "./_test_icmp.ts";
import { endpoint } from "./_test_translator.ts";

Deno.test("too big about TCP is kept with the session, and its segments become smaller", () => {
  for (const net of NETS) {
    const session = new Session(net, "tcp");
    const outcome = session.tooBig(1300, {
      about: session.response({ payload: new Uint8Array(1400) }),
    });
    assert.equal(outcome.verdict, 0, "the server is not told");
    assert.deepEqual(session.bench.told, ["path 1 1 1300"]);
    assert.equal(session.pathMtu, 1300);
    const { packet, vnetHeader } = session.fromServer({
      flags: ACK,
      sequence: 6000,
      payload: new Uint8Array(1400),
    });
    const headers = net.family === 4 ? 40 : 60;
    const view = new DataView(vnetHeader.buffer);
    assert.equal(view.getUint16(4, true), 1300 - headers);
    assert.equal(view.getUint8(0), FLAG_NEEDS_CSUM);
    assert.equal(view.getUint8(1), net.family === 4 ? 1 : 4);
    assert.equal(view.getUint16(6, true), 14 + (net.family === 4 ? 20 : 40));
    assert.ok(verifyL4(packet, true));
    assert.equal(endpoint(packet, 4), plain(session.client));
    // What fits is left alone, and so are the client's packets.
    const small = session.fromServer({ flags: ACK, payload: new Uint8Array(1000) });
    assert.deepEqual([...small.vnetHeader], Array(10).fill(0));
    const upload = session.fromClient({ flags: ACK, payload: new Uint8Array(1400) });
    assert.deepEqual([...upload.vnetHeader], Array(10).fill(0));
  }
});

Deno.test("a path MTU never goes up, and is told when it goes down", () => {
  const session = new Session(V4, "tcp");
  const about = session.response({ payload: new Uint8Array(1400) });
  for (const mtu of [1300, 1300, 1400, 1299, 1000, 1200]) {
    assert.equal(session.tooBig(mtu, { about }).verdict, 0);
  }
  assert.equal(session.pathMtu, 1000);
  assert.deepEqual(session.bench.told, ["path 1 1 1300", "path 1 1 1299", "path 1 1 1000"]);
});

Deno.test("MTUs that cannot be true change nothing (RFC 1191, 3; RFC 8201, 4; RFC 5927, 7.2)", () => {
  for (
    const [net, mtus] of [[V4, [1, 20, 67, 1040, 1500, 65535]], [V6, [
      0,
      1,
      68,
      1279,
      1500,
    ]]] as const
  ) {
    for (const protocol of ["tcp", "udp"] as const) {
      const session = new Session(net, protocol);
      for (const mtu of mtus) {
        assert.equal(-session.tooBig(mtu).verdict, DROP.badError, `${mtu}`);
      }
      for (const mtu of mtus) {
        const outcome = session.tooBig(mtu, { about: session.request() });
        assert.equal(-outcome.verdict, DROP.badError, `${mtu}`);
      }
      assert.equal(session.pathMtu, 0);
    }
  }
  const session = new Session(V4, "tcp");
  assert.equal(session.tooBig(68).verdict, 0);
  assert.equal(session.pathMtu, 256, "segments get no smaller than that");
});

Deno.test("a router that states no MTU leads to the next smaller one in use (RFC 1191, 7.1)", () => {
  const session = new Session(V4, "tcp");
  assert.equal(session.tooBig(0).verdict, 0);
  assert.equal(session.pathMtu, 1006);
  assert.equal(session.tooBig(0).verdict, 0);
  assert.equal(session.pathMtu, 508);
  const udp = new Session(V4, "udp");
  assert.equal(udp.tooBig(0).verdict, 1);
});

Deno.test("too big about UDP is passed on as it is, and so is what a client has to know", () => {
  for (const net of NETS) {
    const mtu = net.family === 4 ? 900 : 1280;
    const session = new Session(net, "udp");
    const about = session.response({ payload: new Uint8Array(1300) });
    for (
      const outcome of [
        session.tooBig(mtu, { about }),
        session.tooBig(mtu, { about: session.request({ payload: new Uint8Array(1300) }) }),
        new Session(net, "tcp").tooBig(mtu, {
          about: new Session(net, "tcp").request({ payload: new Uint8Array(1300) }),
        }),
      ]
    ) {
      ends(outcome);
      const { view, l4Offset } = outcome.packet;
      assert.equal(view.getUint32(l4Offset + 4), mtu);
    }
    assert.equal(session.pathMtu, 0);
  }
});

Deno.test("a sequence number that the server cannot have sent, or that was acknowledged, is no error of this session", () => {
  const session = new Session(V4, "tcp");
  const of = (sequence: number) =>
    -session.tooBig(900, { about: session.response({ sequence }) }).verdict;
  // Sent: 5000 to 5999. Acknowledged: up to 5000.
  assert.equal(of(4999), DROP.badError);
  assert.equal(of(6001), DROP.badError);
  assert.equal(of(5000 + 2 ** 31), DROP.badError);
  session.fromClient({ flags: ACK, acknowledgement: 5500 });
  assert.equal(of(5000), DROP.badError);
  assert.equal(session.pathMtu, 0);
  assert.equal(of(5500), -0);
  assert.equal(session.pathMtu, 900);
  // A hard error likewise (RFC 5927, 5.2).
  const hard = (sequence: number) => session.error(session.response({ sequence })).verdict;
  assert.equal(-hard(4000), DROP.badError);
  assert.equal(hard(5999), 1);
});

Deno.test("what an agent sent directly is known by the window only", () => {
  const session = new Session(V4, "tcp");
  const { table } = session.bench;
  const of = (sequence: number) =>
    session.tooBig(900, { about: session.response({ sequence }) }).verdict;
  assert.equal(-of(2_000_000), DROP.badError);
  table.setU8(1, U8.instruction, INSTRUCTION.installed);
  assert.equal(-of(4999), DROP.badError);
  assert.equal(-of(5000 + 2 ** 30 + 1), DROP.badError);
  assert.equal(of(2_000_000), 0);
  // Also after it has stopped.
  const other = new Session(V4, "tcp");
  other.bench.table.setGeneration(1, 1);
  other.bench.table.setDirect(1, DIRECT.packets, 10);
  assert.equal(other.tooBig(900, { about: other.response({ sequence: 2_000_000 }) }).verdict, 0);
});

Deno.test("an error about a SYN is passed on, whichever side sent it", () => {
  const session = new Session(V4, "tcp");
  session.bench.table.setU8(1, U8.state, STATE.answered);
  session.bench.table.setI32(1, I32.natSequence, 4999);
  const payload = new Uint8Array(0);
  const answer = session.response({ flags: SYN | ACK, sequence: 4999, payload });
  assert.equal(session.error(answer).verdict, 1);
  const opening = session.request({ flags: SYN, sequence: 100, payload });
  assert.equal(session.error(opening).verdict, 1);
});

Deno.test("a client's sequence numbers are checked by the window", () => {
  const session = new Session(V4, "tcp");
  const of = (sequence: number) => session.error(session.request({ sequence })).verdict;
  assert.equal(of(101), 1);
  assert.equal(-of(101 + 2 ** 30), DROP.badError);
  assert.equal(-of(101 + 2 ** 31), DROP.badError);
});

Deno.test("a path MTU goes with its session", () => {
  const session = new Session(V4, "tcp");
  session.tooBig(900);
  session.fromServer({ flags: FIN | ACK, sequence: 6000 });
  session.fromClient({ flags: FIN | ACK, acknowledgement: 6001 });
  session.fromServer({ flags: ACK, sequence: 6001 });
  session.fromClient({ flags: SYN, sequence: 9000 });
  session.bench.pass(120_000);
  const next = session.bench.table;
  assert.equal(next.getU8(2, U8.state), STATE.opening);
  assert.equal(next.getU16(2, U16.pathMtu), 0);
});
