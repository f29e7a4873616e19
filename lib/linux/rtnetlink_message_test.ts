import assert from "node:assert/strict";
import fc from "fast-check";
import { fromHex, ip } from "./_test_hex.ts";
import { NUD_FAILED, NUD_INCOMPLETE, NUD_PERMANENT, NUD_STALE } from "./constants.ts";
import {
  decodeInterfaceAddress,
  decodeLink,
  decodeNeighbour,
  decodeRoute,
  decodeRule,
  isUsable,
} from "./rtnetlink_message.ts";

// Payloads of messages that a kernel (6.18) sent; long ones without the attributes nobody reads.

Deno.test("decodeLink() reads a veth interface", () => {
  const link = decodeLink(fromHex(`
    0000 0100 03000000 43100100 00000000  // Ethernet, index 3, flags UP | LOWER_UP | …
    0700 0300 766100 00                   // IFLA_IFNAME "va"
    0800 0d00 e8030000                    // IFLA_TXQLEN 1000
    0800 0400 dc050000                    // IFLA_MTU 1500
    0a00 0100 02000000000a 0000           // IFLA_ADDRESS
    1000 1200 0900 0100 76657468 00000000 // IFLA_LINKINFO: IFLA_INFO_KIND "veth"
    0800 0a00 07000000                    // IFLA_MASTER 7
  `));
  assert.deepEqual(link, {
    index: 3,
    name: "va",
    mtu: 1500,
    up: true,
    carrier: true,
    loopback: false,
    hardwareType: 1,
    linkLayerAddress: fromHex("02000000000a"),
    txQueueLength: 1000,
    kind: "veth",
    master: 7,
  });
});

Deno.test("decodeLink() leaves out what a bridge says about a port that left it", () => {
  assert.equal(decodeLink(fromHex("0700 0100 03000000 43100100 00000000")), null);
});

Deno.test("decodeInterfaceAddress() takes the own address of a point-to-point link", () => {
  const address = decodeInterfaceAddress(fromHex(`
    02208000 05000000    // AF_INET, /32, scope global, interface 5
    0800 0100 0a000002   // IFA_ADDRESS: the peer
    0800 0200 0a000001   // IFA_LOCAL
    0800 0800 c0000000   // IFA_FLAGS: PERMANENT | TENTATIVE
  `));
  assert.deepEqual(address, {
    interfaceIndex: 5,
    family: 4,
    address: ip("10.0.0.1"),
    prefixLength: 32,
    scope: 0,
    tentative: true,
  });
});

Deno.test("decodeRoute() reads the answer to a lookup", () => {
  const route = decodeRoute(fromHex(`
    02200000 fe000001 00020000            // AF_INET, /32, main, unicast, RTM_F_CLONED
    0800 0f00 fe000000                    // RTA_TABLE
    0800 0100 08080808                    // RTA_DST
    0800 0400 03000000                    // RTA_OIF
    0800 0700 0a000001                    // RTA_PREFSRC
    0800 0500 0a0000fe                    // RTA_GATEWAY
    0c00 0800 0800 0200 78050000          // RTA_METRICS: RTAX_MTU 1400
    0800 1900 00000000                    // RTA_UID
  `));
  assert.deepEqual(route, {
    family: 4,
    destination: ip("8.8.8.8"),
    prefixLength: 32,
    type: 1,
    table: 254,
    protocol: 0,
    scope: 0,
    metric: 0,
    flags: 0x200,
    outInterface: 3,
    gateway: ip("10.0.0.254"),
    preferredSource: ip("10.0.0.1"),
    mtu: 1400,
  });
});

Deno.test("decodeRoute() reads a route with several next hops", () => {
  const route = decodeRoute(fromHex(`
    02100000 fe030001 00000000
    0800 0f00 fe000000
    0800 0100 0a4d0000
    2400 0900                             // RTA_MULTIPATH
      1000 0000 03000000 0800 0500 0a000005
      1000 0001 04000000 0800 0500 0a000006
  `));
  assert.equal(route?.gateway, undefined);
  assert.deepEqual(route?.nextHops, [
    { outInterface: 3, gateway: ip("10.0.0.5") },
    { outInterface: 4, gateway: ip("10.0.0.6") },
  ]);
});

Deno.test("decodeRoute() reads an IPv4 route by way of an IPv6 gateway", () => {
  const route = decodeRoute(fromHex(`
    02100000 fe030001 00000000
    0800 0100 0a4e0000
    1600 1200 0a00 20010db8000000000000000000000005 0000  // RTA_VIA: AF_INET6, address
    0800 0400 03000000
  `));
  assert.deepEqual(route?.gateway, ip("2001:db8:0:0:0:0:0:5"));
  assert.equal(route?.table, 254);
});

Deno.test("decodeRoute() gives a default route a destination of zeros", () => {
  const route = decodeRoute(fromHex("0a000000 fe030001 00000000"));
  assert.deepEqual(route?.destination, new Uint8Array(16));
});

Deno.test("decodeNeighbour() reads state and MAC address", () => {
  const neighbour = decodeNeighbour(fromHex(`
    02000000 03000000 8000 00 01         // AF_INET, interface 3, NUD_PERMANENT
    0800 0100 0a000009                   // NDA_DST
    0a00 0200 020000000099 0000          // NDA_LLADDR
  `));
  assert.deepEqual(neighbour, {
    interfaceIndex: 3,
    family: 4,
    address: ip("10.0.0.9"),
    state: NUD_PERMANENT,
    flags: 0,
    linkLayerAddress: fromHex("020000000099"),
  });
  assert.ok(isUsable(neighbour));
  assert.ok(isUsable({ ...neighbour, state: NUD_STALE }));
  assert.ok(!isUsable({ ...neighbour, state: NUD_FAILED }));
  assert.ok(!isUsable({ ...neighbour, state: NUD_INCOMPLETE }));
});

Deno.test("decodeRule() reads a table beyond 255", () => {
  const rule = decodeRule(fromHex(`
    02000800 fc000001 00000000           // AF_INET, from /8, RT_TABLE_COMPAT
    0800 0f00 e8030000                   // FRA_TABLE 1000
    0800 0600 f4010000                   // FRA_PRIORITY 500
  `));
  assert.deepEqual(rule, { family: 4, priority: 500, table: 1000 });
});

Deno.test("decoders return null or a value, whatever the bytes", () => {
  const decoders = [
    decodeLink,
    decodeInterfaceAddress,
    decodeRoute,
    decodeNeighbour,
    decodeRule,
  ];
  fc.assert(fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
    for (const decode of decoders) decode(new Uint8Array(bytes));
  }));
});
