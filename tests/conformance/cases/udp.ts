/** UDP: RFC 768, RFC 4787, RFC 8085. */
import type { Case } from "../runner/case.ts";

export const UDP_CASES: readonly Case[] = [
  {
    ids: ["R-001", "R-013", "R-070", "R-131"],
    clause: "RFC 4787 REQ-1, REQ-11; RFC 3022 4.1",
    shows: "one client endpoint keeps its NAT endpoint and its server",
    families: [4, 6],
    steps: [
      { exchange: "U1" },
      { bypass: "U1" },
      { client: { flow: "U1", payload: 100 }, expect: "translated" },
      { server: { flow: "U1", payload: 101 }, expect: "translated" },
      { client: { flow: "U1", payload: 1 }, expect: "translated" },
      { server: { flow: "U1", payload: 1452 }, expect: "translated" },
    ],
  },
  {
    ids: ["R-001", "R-013"],
    clause: "RFC 4787 REQ-1",
    shows: "with several servers a client endpoint keeps the one that it got",
    flows: { A: { protocol: "udp", client: "C:40000", vip: "VIP:54" } },
    steps: [
      { client: { flow: "A", payload: 1 }, expect: "translated" },
      { client: { flow: "A", payload: 2 }, expect: "translated" },
      { client: { flow: "A", payload: 3 }, expect: "translated" },
      { client: { flow: "A", payload: 4 }, expect: "translated" },
    ],
  },
  {
    ids: ["R-012", "R-025"],
    clause: "RFC 4787 REQ-10; RFC 5382 REQ-6",
    shows: "addresses in a payload are left alone: there is no application layer gateway",
    steps: [
      // INVITE sip:a@203.0.113.10
      {
        client: { flow: "U1", payload: "494e56495445207369703a61403230332e302e3131332e3130" },
        expect: "translated",
      },
      { bypass: "U1" },
      // c=IN IP4 10.0.0.11
      {
        server: { flow: "U1", payload: "633d494e204950342031302e302e302e3131" },
        expect: "translated",
      },
    ],
  },
  {
    ids: ["R-073", "R-130", "M-053"],
    clause: "RFC 768; RFC 1122 4.1.3.4",
    shows: "a datagram without a checksum stays without",
    steps: [
      { client: { flow: "U1", payload: 33, checksum: "zero" }, expect: "translated" },
      { bypass: "U1" },
      { server: { flow: "U1", payload: 33, checksum: "zero" }, expect: "translated" },
    ],
  },
  {
    ids: ["R-073", "R-130", "M-054"],
    clause: "RFC 768: all zero means that there is none",
    shows: "a checksum that comes out as 0 is sent as 0xffff",
    families: [4, 6],
    steps: [
      { exchange: "U1" },
      { bypass: "U1" },
      {
        client: { flow: "U1", payload: 64, checksum: "zero behind the NAT" },
        expect: "translated",
      },
      {
        server: { flow: "U1", payload: 64, checksum: "zero behind the NAT" },
        expect: "translated",
      },
    ],
  },
  {
    ids: ["R-074", "M-080"],
    clause: "RFC 8200 8.1",
    shows: "a datagram without a checksum is dropped in IPv6",
    families: [6],
    steps: [
      {
        client: { flow: "U1", payload: 33, checksum: "zero" },
        expect: { dropped: "udpChecksumZero" },
      },
      { session: "U1", is: "none" },
      { exchange: "U1" },
      {
        server: { flow: "U1", payload: 33, checksum: "zero" },
        expect: { dropped: "udpChecksumZero" },
      },
    ],
  },
  {
    ids: ["R-070", "O2"],
    clause: "RFC 1624",
    shows: "a wrong checksum stays wrong by the same amount: nothing is repaired",
    families: [4, 6],
    steps: [
      { exchange: "U1" },
      { bypass: "U1" },
      { client: { flow: "U1", payload: 50, checksum: "wrong" }, expect: "translated" },
      { server: { flow: "U1", payload: 50, checksum: "wrong" }, expect: "translated" },
    ],
  },
  {
    ids: ["M-035", "H-01"],
    clause: "our own choice: a flood of broken packets must not fill the table",
    shows: "a datagram with a wrong checksum starts no session",
    families: [4, 6],
    steps: [
      {
        client: { flow: "U1", payload: 50, checksum: "wrong" },
        expect: { dropped: "badChecksum" },
      },
      { session: "U1", is: "none" },
    ],
  },
  {
    ids: ["R-075"],
    clause: "the kernel's CHECKSUM_PARTIAL (checksum-offloads.rst)",
    shows:
      "a checksum that is left to the device stays the pseudo-header's sum, of the new addresses",
    families: [4, 6],
    steps: [
      { client: { flow: "U1", payload: 50, checksum: "partial" }, expect: "translated" },
      { bypass: "U1" },
      { server: { flow: "U1", payload: 50, checksum: "partial" }, expect: "translated" },
    ],
  },
  {
    ids: ["R-010", "R-014"],
    clause: "RFC 4787 REQ-8",
    shows: "a NAT endpoint takes packets of its own server's endpoint alone",
    families: [4, 6],
    steps: [
      { exchange: "U1" },
      {
        server: { flow: "U1", source: "S1:9999", payload: 9 },
        expect: { dropped: "noSession" },
      },
      {
        server: { flow: "U1", source: "S2:5353", payload: 9 },
        from: "S2",
        expect: { dropped: "noSession" },
      },
      { server: { flow: "U1", payload: 9 }, expect: "translated" },
    ],
  },
  {
    ids: ["R-087", "O4"],
    clause: "RFC 2474; RFC 3168",
    shows: "traffic class, ECN and flow label pass unchanged",
    families: [4, 6],
    steps: [
      {
        client: { flow: "U1", trafficClass: 0xb9, flowLabel: 0x12345, payload: 5 },
        expect: "translated",
      },
      { bypass: "U1" },
      {
        server: { flow: "U1", trafficClass: 0x2b, flowLabel: 0xfedcb, payload: 5 },
        expect: "translated",
      },
    ],
  },
  {
    ids: ["M-049"],
    clause: "RFC 768",
    shows: "a UDP header that is cut short is dropped",
    families: [4, 6],
    steps: [
      {
        client: { flow: "U1", source: "C", destination: "VIP", protocol: 17, payload: 1 },
        expect: { dropped: "badUdp" },
      },
      {
        client: { flow: "U1", source: "C", destination: "VIP", protocol: 17, payload: 7 },
        expect: { dropped: "badUdp" },
      },
    ],
  },
  {
    ids: ["M-050", "M-051"],
    clause: "RFC 768",
    shows: "a UDP length below 8 or beyond the packet is dropped",
    families: [4, 6],
    steps: [
      { client: { flow: "U1", payload: 10, udpLength: 0 }, expect: { dropped: "badUdp" } },
      { client: { flow: "U1", payload: 10, udpLength: 7 }, expect: { dropped: "badUdp" } },
      { client: { flow: "U1", payload: 10, udpLength: 19 }, expect: { dropped: "badUdp" } },
      { session: "U1", is: "none" },
    ],
  },
  {
    ids: ["M-052"],
    clause: "RFC 768; RFC 9868",
    shows: "what follows the datagram in its packet is carried along",
    steps: [
      {
        client: { flow: "U1", payload: 40, udpLength: 28, checksum: "zero" },
        expect: "translated",
      },
    ],
  },
  {
    ids: ["M-055"],
    clause: "RFC 768",
    shows: "an empty datagram passes",
    families: [4, 6],
    steps: [
      { client: { flow: "U1" }, expect: "translated" },
      { bypass: "U1" },
      { server: { flow: "U1" }, expect: "translated" },
    ],
  },
  {
    ids: ["M-040", "M-057"],
    clause: "RFC 6335 6",
    shows: "port 0 is dropped on either side",
    families: [4, 6],
    steps: [
      { client: { flow: "U1", source: "C:0", payload: 4 }, expect: { dropped: "portZero" } },
      { client: { flow: "U1", destination: "VIP:0", payload: 4 }, expect: { dropped: "portZero" } },
    ],
  },
  {
    ids: ["R-132"],
    clause: "RFC 9000 9: a client may come from another port at any time",
    shows: "a client that changes its port is another flow, and nothing else happens",
    steps: [
      { exchange: "U1" },
      { exchange: "U3" },
      { compare: ["U1", "U3"], natEndpoint: "different" },
      { server: { flow: "U1", payload: 8 }, expect: "translated" },
    ],
  },
];
