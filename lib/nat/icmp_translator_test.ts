import assert from "node:assert/strict";
import fc from "fast-check";
import { DIRECT, U8 } from "../session/layout.ts";
import { DROP } from "../session/drop_reason.ts";
import { STATE } from "../session/tcp_state.ts";
import { buildPacket, fragmentPacket } from "../wire/build_frame.ts";
import { paddingHeader } from "../wire/ipv6_extension.ts";
import { verifyL4 } from "../wire/l4_checksum.ts";
import { FLAG_NEEDS_CSUM } from "../wire/virtio_net_header.ts";
import {
  at,
  ends,
  type ErrorOptions,
  hostOf,
  NETS,
  plain,
  type Protocol,
  Session,
  V4,
} from "./_test_icmp.ts";
import { Bench, config, service } from "./_test_translator.ts";

Deno.test("an error about a response reaches the server, in the server's terms (RFC 5508, REQ-4)", () => {
  for (const net of NETS) {
    for (const protocol of ["tcp", "udp"] as const) {
      const session = new Session(net, protocol);
      const { server, nat } = session;
      const inner = [plain(server), plain(nat)];
      const outcome = session.error(session.response());
      assert.deepEqual(ends(outcome), [net.router, hostOf(server), ...inner]);
      assert.equal(outcome.packet.hopLimit, 63);
      // The client itself has no other name there than the SNAT address.
      const own = session.error(session.response(), { source: net.client });
      assert.deepEqual(ends(own), [hostOf(nat), hostOf(server), ...inner]);
    }
  }
});

Deno.test("an error about a request reaches the client, from the VIP whoever made it (RFC 5508, REQ-5)", () => {
  for (const net of NETS) {
    for (const protocol of ["tcp", "udp"] as const) {
      const session = new Session(net, protocol);
      for (const source of [hostOf(session.server), net.innerRouter]) {
        const outcome = session.error(session.request(), { source });
        const { vip, client } = session;
        assert.deepEqual(ends(outcome), [net.vip, net.client, plain(client), plain(vip)]);
      }
    }
  }
});

Deno.test("unreachable, expired and bad parameters are passed on, both ways", () => {
  for (const net of NETS) {
    const session = new Session(net, "tcp");
    const types = net.family === 4 ? [3, 11, 12] : [1, 3, 4];
    for (const type of types) {
      for (const about of [session.response(), session.request()]) {
        const outcome = session.error(about, { type, code: 0, rest: 0 });
        ends(outcome);
        assert.deepEqual([outcome.packet.icmpType, outcome.packet.icmpCode], [type, 0]);
      }
    }
  }
});

Deno.test("quotes of any length, with options, extension headers or without checksum are translated", () => {
  for (const net of NETS) {
    for (const protocol of ["tcp", "udp"] as const) {
      const session = new Session(net, protocol);
      const headers = net.family === 4
        ? { ipv4Options: new Uint8Array(20).fill(1) }
        : { extensionHeaders: [paddingHeader(60, 16)] };
      for (const about of [session.response(), session.response(headers)]) {
        const l4Offset = about.length - 1000 - (protocol === "tcp" ? 20 : 8);
        for (const quoted of [8, 12, 16, 20, 40, 200]) {
          ends(session.error(about, { quoted: l4Offset + quoted }));
        }
      }
    }
  }
  const session = new Session(V4, "udp");
  const outcome = session.error(session.response({ checksum: 0 }));
  assert.equal(outcome.packet.view.getUint16(outcome.packet.l4Offset + 8 + 20 + 6), 0);
});

Deno.test("the translated error is, byte for byte, the one about the translated packet", () => {
  const kinds = fc.record({
    net: fc.constantFrom(...NETS),
    protocol: fc.constantFrom<Protocol>("tcp", "udp"),
    aboutResponse: fc.boolean(),
    quoted: fc.integer({ min: 48, max: 400 }),
    payload: fc.uint8Array({ minLength: 400, maxLength: 400 }),
    hopLimit: fc.integer({ min: 2, max: 255 }),
    partial: fc.boolean(),
  });
  fc.assert(
    fc.property(kinds, ({ net, protocol, aboutResponse, quoted, payload, hopLimit, partial }) => {
      const session = new Session(net, protocol);
      // 17 bytes of TCP end in the middle of its checksum, which then cannot be mended.
      fc.pre(protocol === "udp" || quoted !== (net.family === 4 ? 37 : 57));
      const [seen, meant] = aboutResponse
        ? [
          session.response({ payload }),
          buildPacket({
            protocol,
            source: session.server,
            destination: session.nat,
            sequence: 5000,
            payload,
          }),
        ]
        : [
          session.request({ payload }),
          buildPacket({
            protocol,
            source: session.client,
            destination: session.vip,
            sequence: 101,
            payload,
          }),
        ];
      const offload = partial && net.family === 6;
      const bytes = session.errorBytes(seen, {
        quoted,
        hopLimit,
        checksum: offload ? "partial" : "full",
      });
      const vnetHeader = new Uint8Array(10);
      if (offload) vnetHeader[0] = FLAG_NEEDS_CSUM;
      const outcome = session.bench.sendBytes(bytes, vnetHeader);
      assert.equal(outcome.verdict, 1);
      const source = aboutResponse ? net.router : net.vip;
      const wanted = session.errorBytes(meant, { quoted, hopLimit: hopLimit - 1, source });
      assert.deepEqual(outcome.bytes, wanted);
      assert.deepEqual([...outcome.vnetHeader], Array(10).fill(0));
    }),
    { numRuns: 300 },
  );
});

Deno.test("no error ends, prolongs or starts a session (RFC 5508, REQ-6; RFC 5382, REQ-10)", () => {
  for (const net of NETS) {
    for (const protocol of ["tcp", "udp"] as const) {
      const session = new Session(net, protocol);
      const { table } = session.bench;
      const before = table.f64.slice();
      session.bench.nowMs += 1000;
      for (const code of [0, 1, 2, 3, 5, 13]) {
        for (const type of [net.unreachable, net.expired]) {
          session.error(session.response(), { type, code });
          session.error(session.request(), { type, code });
        }
      }
      assert.deepEqual(table.f64, before);
      assert.equal(table.getU8(1, U8.state), STATE.established);
      assert.equal(table.used, 1);
      assert.deepEqual(session.bench.told, []);
      assert.deepEqual(session.bench.replies, [], "an error is never answered");
    }
  }
});

Deno.test("errors that nobody asked for are dropped in silence", () => {
  for (const net of NETS) {
    for (const protocol of ["tcp", "udp"] as const) {
      const session = new Session(net, protocol);
      const reason = (bytes: Uint8Array) => -session.bench.sendBytes(bytes).verdict;
      const of = (about: Uint8Array, options: ErrorOptions = {}) =>
        reason(session.errorBytes(about, options));
      // Of no session: another client, another port, the other protocol.
      const other = protocol === "tcp" ? "udp" : "tcp";
      assert.equal(of(session.response({ destination: at(net.client, 40001) })), DROP.noSession);
      assert.equal(of(session.response({ source: at(net.vip, 81) })), DROP.noSession);
      assert.equal(of(session.response({ protocol: other })), DROP.noSession);
      assert.equal(of(session.request({ destination: at(net.innerRouter, 1) })), DROP.noSession);
      const otherPort = at(hostOf(session.nat), 19999);
      assert.equal(of(session.request({ source: otherPort })), DROP.noSession);
      // Its checksum, or the one of the quoted IPv4 header, is wrong.
      assert.equal(of(session.response(), { checksum: 0x1234 }), DROP.badChecksum);
      if (net.family === 4) {
        const damaged = session.response();
        damaged[10] = damaged[10]! ^ 1;
        assert.equal(of(damaged, { destination: net.vip }), DROP.badError);
      }
      // Too little of the packet.
      assert.equal(of(session.response(), { quoted: net.family === 4 ? 27 : 47 }), DROP.badError);
      // A fragment that is not the first one.
      const fragments = fragmentPacket(session.response({ dontFragment: false }), 496, 1);
      assert.equal(of(fragments[1]!), DROP.badError);
      // About an error.
      assert.equal(of(session.errorBytes(session.request(), { source: net.vip })), DROP.badError);
      // From an address that is ours.
      assert.equal(of(session.response(), { source: hostOf(session.nat) }), DROP.badError);
      // At its last hop.
      assert.equal(of(session.response(), { hopLimit: 1 }), DROP.hopLimit);
      assert.deepEqual(session.bench.replies, []);
      assert.equal(session.pathMtu, 0);
    }
  }
});

Deno.test("a session at rest gets no errors", () => {
  const session = new Session(V4, "udp");
  const [response, request] = [session.response(), session.request()];
  session.bench.pass(301_000);
  assert.equal(session.bench.table.getU8(1, U8.state), STATE.quarantine);
  assert.equal(-session.error(response).verdict, DROP.noSession);
  assert.equal(-session.error(request).verdict, DROP.noSession);
});

Deno.test("what a router says of itself stays inside, and comes in untouched (RFC 4884, RFC 5837)", () => {
  const extension = Uint8Array.of(0x20, 0, 0xdf, 0xff, 0, 8, 2, 1, 10, 0, 0, 254);
  for (const net of NETS) {
    const session = new Session(net, "udp");
    const isV4 = net.family === 4;
    const build = (about: Uint8Array, source: string) => {
      const payload = new Uint8Array(128 + extension.length);
      payload.set(about.slice(0, 128));
      payload.set(extension, 128);
      // 128 bytes of quote: 32 words of 4 bytes, or 16 of 8.
      const rest = isV4 ? 32 << 16 : 16 << 24;
      return session.errorBytes(about, {
        type: net.expired,
        code: 0,
        rest,
        source,
        payload,
      });
    };
    const inward = session.bench.sendBytes(build(session.response(), net.router));
    ends(inward);
    assert.deepEqual(inward.bytes.slice(-extension.length), extension);
    const outward = session.bench.sendBytes(build(session.request(), net.innerRouter));
    ends(outward);
    assert.equal(outward.packet.l4Bytes, 8 + 128);
    assert.equal(outward.packet.view.getUint32(outward.packet.l4Offset + 4), 0);
  }
});

Deno.test("old extensions, without a length, are part of the quote and stay as they are", () => {
  const session = new Session(V4, "udp");
  const about = session.response({ payload: new Uint8Array(20) });
  const payload = new Uint8Array(140).fill(0);
  payload.set(about);
  payload.fill(0x77, 128);
  const outcome = session.error(about, { payload });
  ends(outcome);
  assert.deepEqual([...outcome.bytes.slice(-12)], Array(12).fill(0x77));
});

Deno.test("errors passed on are limited", () => {
  const session = new Session(V4, "udp");
  let passed = 0;
  for (let n = 0; n < 1000; n++) if (session.error(session.response()).verdict > 0) passed++;
  assert.ok(passed > 20 && passed < 100, `${passed}`);
});

Deno.test("a server that is a client of the VIP gets its errors as one (RFC 5508, REQ-7)", () => {
  const bench = new Bench({ config: config({ services: [service({ protocol: 17 })] }) });
  const client = "10.0.0.12:40000", vip = "203.0.113.10:80";
  const { source: nat, destination: server } = bench.send({
    protocol: "udp",
    source: client,
    destination: vip,
  });
  const about = buildPacket({ protocol: "udp", source: nat, destination: server });
  const outcome = bench.send({
    protocol: "icmp",
    source: hostOf(server),
    destination: hostOf(nat),
    icmp: { type: 3, code: 3, rest: 0 },
    payload: about,
  });
  assert.deepEqual(ends(outcome), ["203.0.113.10", "10.0.0.12", client, vip]);
});

Deno.test("whatever an error holds, nothing throws, and what is passed on has right checksums", () => {
  const damage = fc.array(fc.tuple(fc.nat(200), fc.nat(255)), { maxLength: 5 });
  const anyError = fc.record({
    net: fc.constantFrom(...NETS),
    protocol: fc.constantFrom<Protocol>("tcp", "udp"),
    aboutResponse: fc.boolean(),
    type: fc.nat(20),
    code: fc.nat(20),
    rest: fc.nat(0xffffffff),
    quoted: fc.nat(200),
    damage,
  });
  const sessions = new Map(
    NETS.flatMap((net) =>
      (["tcp", "udp"] as const).map((it) => [`${net.family} ${it}`, new Session(net, it)])
    ),
  );
  fc.assert(
    fc.property(anyError, ({ net, protocol, aboutResponse, damage, ...options }) => {
      const session = sessions.get(`${net.family} ${protocol}`)!;
      session.bench.nowMs += 100;
      session.bench.replies.length = 0;
      const about = aboutResponse ? session.response() : session.request();
      const bytes = session.errorBytes(about, options);
      const start = net.family === 4 ? 28 : 48;
      for (const [place, value] of damage) {
        if (start + place < bytes.length) bytes[start + place] = value;
      }
      const repaired = buildPacket({
        protocol: "icmp",
        source: net.router,
        destination: aboutResponse ? net.vip : hostOf(session.nat),
        icmp: { type: options.type, code: options.code, rest: options.rest },
        payload: bytes.slice(start),
      });
      const { verdict, packet } = session.bench.sendBytes(repaired);
      if (verdict > 0) assert.ok(verifyL4(packet, false));
      for (const reply of session.bench.replies) assert.ok(verifyL4(reply, false));
    }),
    { numRuns: 5000 },
  );
});

Deno.test("an error of a router about what bypassed is told, one of the client itself or about another session is not", () => {
  for (const net of NETS) {
    for (const protocol of ["tcp", "udp"] as const) {
      const session = new Session(net, protocol);
      const { bench } = session;
      const about = session.response();
      session.error(about);
      assert.deepEqual(bench.told, [], "it never bypassed");
      bench.table.setGeneration(1, 1);
      bench.table.setDirect(1, DIRECT.packets, 1);
      session.error(about, { source: net.client });
      session.error(about, { type: net.expired, code: 1 });
      assert.deepEqual(bench.told, []);
      session.error(about);
      session.error(about, { type: net.expired, code: 0 });
      assert.deepEqual(bench.told, [
        `undelivered 1 1 ${net.unreachable * 256 + 1}`,
        `undelivered 1 1 ${net.expired * 256}`,
      ]);
    }
  }
});
