import assert from "node:assert/strict";
import { Packet } from "../wire/packet.ts";
import { DROP } from "./drop_reason.ts";
import { BAD_TCP } from "../wire/reason.ts";
import { IpAddress } from "../wire/address.ts";
import {
  type CaptureNames,
  formatCaptureFilter,
  parseCaptureFilter,
  resolveCaptureFilter,
} from "./capture_filter.ts";
import { CaptureSubject, compileCaptureFilter, END } from "./capture_subject.ts";

const canonical = (text: string) => formatCaptureFilter(parseCaptureFilter(text));

const NAMES: CaptureNames = {
  service: () => ({ protocol: "tcp", vip: "203.0.113.10:80" }),
  session: () => ({ protocol: "tcp", nat: "10.0.1.1:1024", server: "10.0.0.11:8080" }),
};

Deno.test("a filter is read: and binds closer than or, not closest, and may be left out", () => {
  assert.equal(canonical("  "), "");
  assert.equal(
    canonical("service web client 198.51.100.0/24 or not dropped noSession and tcp"),
    "((service web and client 198.51.100.0/24) or (not dropped noSession and tcp))",
  );
  assert.equal(canonical("!(in||out)&&path bypass"), "(not (in or out) and path bypass)");
  assert.equal(canonical("dropped and own"), "(dropped and own)");
  assert.equal(
    canonical("server [2001:db8::1]:80 session k3x9-1a"),
    "(server [2001:db8::1]:80 and session k3x9-1a)",
  );
});

Deno.test("what is read and written again is the same filter", () => {
  for (
    const text of ["tcp", "dropped", "not (udp or icmp)", "vip :80 nat 10.0.0.0/8 host 1.2.3.4"]
  ) {
    assert.equal(canonical(canonical(text)), canonical(text));
  }
});

Deno.test("a wrong filter is refused with the word that is wrong", () => {
  const refusals: [text: string, why: RegExp][] = [
    ["sevice web", /"sevice" is no test, there are service NAME/],
    ["dropped noPrt", /"noPrt" is no test, .*; nor is it a reason of drops/],
    ["noPrt", /and out and own$|in, out and own$/],
    ["client 198.51.100", /client needs ADDRESS.*"198.51.100" is none/],
    ["client", /client needs ADDRESS/],
    ["path direct", /path needs nat or bypass, "direct" is none/],
    ["(tcp", /a "\)" is missing/],
    ["tcp )", /"\)" is one too many/],
    ["tcp or", /something is missing at its end/],
    ["tcp ".repeat(65), /more than 64 tests/],
    ["(".repeat(20), /nested more than 16 deep/],
    ["x".repeat(2000), /longer than 1000 characters/],
  ];
  for (const [text, why] of refusals) {
    assert.throws(() => parseCaptureFilter(text), (error: Error) => {
      assert.ok(error instanceof SyntaxError);
      assert.match(error.message, why);
      return true;
    });
  }
});

Deno.test("services and sessions are resolved to what every machine knows", () => {
  const filter = parseCaptureFilter("service web or session k3x9-1a");
  assert.equal(
    formatCaptureFilter(resolveCaptureFilter(filter, NAMES)),
    "((tcp and vip 203.0.113.10:80) or (tcp and nat 10.0.1.1:1024 and server 10.0.0.11:8080))",
  );
  assert.throws(() => compileCaptureFilter(filter), TypeError);
});

function subject(change: (subject: CaptureSubject) => void): CaptureSubject {
  const made = new CaptureSubject();
  const packet = new Packet();
  packet.protocol = 6;
  packet.addresses.set(IpAddress.parse("198.51.100.2").words, 0);
  packet.addresses.set(IpAddress.parse("203.0.113.10").words, 4);
  packet.sourcePort = 40000;
  packet.destinationPort = 80;
  made.see(packet);
  change(made);
  return made;
}

function put(made: CaptureSubject, end: keyof typeof END, address: string, port: number) {
  made.ends.set([...IpAddress.parse(address).words, port], END[end]);
}

Deno.test("a compiled filter tells packets apart", () => {
  const ofSession = subject((it) => {
    it.slot = 5;
    it.path = "nat";
    put(it, "client", "198.51.100.2", 40000);
    put(it, "server", "10.0.0.11", 8080);
  });
  const stranger = subject((it) => it.reason = DROP.noSession);
  const broken = subject((it) => {
    it.see(null);
    it.reason = BAD_TCP;
  });
  const cases: [filter: string, session: boolean, stranger: boolean, broken: boolean][] = [
    ["", true, true, true],
    ["tcp", true, true, false],
    ["udp", false, false, false],
    ["client 198.51.100.0/24", true, true, false],
    ["server 10.0.0.11", true, false, false],
    // Of a packet without a session it is not known which end is the server's.
    ["server 203.0.113.10:80", false, true, false],
    ["host 203.0.113.10", true, true, false],
    ["client :40001", false, false, false],
    ["path nat", true, false, false],
    ["dropped", false, true, true],
    ["dropped noSession", false, true, false],
    ["dropped malformed", false, false, true],
    ["dropped badTcp", false, false, true],
    ["in and not dropped", true, false, false],
    ["own or out", false, false, false],
  ];
  for (const [text, ...expected] of cases) {
    const isWanted = compileCaptureFilter(parseCaptureFilter(text));
    assert.deepEqual([ofSession, stranger, broken].map(isWanted), expected, text);
  }
});
