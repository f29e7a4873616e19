import assert from "node:assert/strict";
import { parsePacket } from "./packet_syntax.ts";

Deno.test("a packet is a protocol and two endpoints", () => {
  assert.deepEqual(parsePacket("tcp 198.51.100.2:40000 > 203.0.113.10:80"), {
    protocol: "tcp",
    source: "198.51.100.2:40000",
    destination: "203.0.113.10:80",
  });
  assert.deepEqual(parsePacket(" UDP  [2001:DB8:0::2]:5000>[2001:db8:f::10]:53 "), {
    protocol: "udp",
    source: "[2001:db8::2]:5000",
    destination: "[2001:db8:f::10]:53",
  });
});

Deno.test("a fragment, an echo request and an ICMP error about a packet are packets as well", () => {
  const udp = { protocol: "udp", source: "198.51.100.2:5000", destination: "203.0.113.10:53" };
  assert.deepEqual(parsePacket("udp 198.51.100.2:5000 > 203.0.113.10:53 fragment"), {
    ...udp,
    fragment: true,
  });
  const icmp = { protocol: "icmp", source: "192.0.2.1", destination: "203.0.113.10" };
  assert.deepEqual(parsePacket("icmp 192.0.2.1 > 203.0.113.10"), icmp);
  assert.deepEqual(
    parsePacket("icmp 192.0.2.1 > 203.0.113.10 about udp 198.51.100.2:5000 > 203.0.113.10:53"),
    { ...icmp, about: udp },
  );
});

Deno.test("what is no packet is told which part is wrong", () => {
  const cases: [string, RegExp][] = [
    ["", /need PROTOCOL SOURCE:PORT > DESTINATION:PORT, such as "tcp /],
    ["tcp 198.51.100.2:40000 203.0.113.10:80", /need PROTOCOL SOURCE:PORT > /],
    ["tcp 198.51.100.2:40000 > ", /need PROTOCOL SOURCE:PORT > /],
    ["198.51.100.2:40000 > 203.0.113.10:80", /need PROTOCOL SOURCE:PORT > /],
    ["gre 198.51.100.2:1 > 203.0.113.10:1", /"gre" is not tcp, udp or icmp/],
    ["icmp 198.51.100.2:1 > 203.0.113.10", /its source "198\.51\.100\.2:1" is no address/],
    ["icmp 192.0.2.1 > 203.0.113.10 upon tcp 1.1.1.1:1 > 2.2.2.2:2", /"about" and a tcp or udp/],
    ["tcp 198.51.100.2:1 > 203.0.113.10:80 twice", /"twice" is one too many, there is only frag/],
    [
      "tcp 198.51.100.2 > 203.0.113.10:80",
      /its source "198\.51\.100\.2" is no endpoint, need ADDR/,
    ],
    ["tcp 198.51.100.2:1 > web:80", /its destination "web:80" is no endpoint, need ADDRESS:PORT/],
    ["tcp 198.51.100.2:1 > 203.0.113.10:65536", /its destination .*, port up to 65535$/],
    ["tcp 2001:db8::2:1 > [2001:db8::3]:80", /its source "2001:db8::2:1" .* \[IPv6 ADDRESS\]:PORT/],
    ["tcp 198.51.100.2:1 > [2001:db8::3]:80", /one address is IPv4, the other IPv6$/],
  ];
  for (const [text, message] of cases) {
    assert.throws(() => parsePacket(text), (error: Error & { exit: number }) => {
      assert.ok(error.message.startsWith(`Cannot read "${text}" as a packet: `), error.message);
      assert.match(error.message, message);
      assert.equal(error.exit, 2);
      return true;
    });
  }
});
