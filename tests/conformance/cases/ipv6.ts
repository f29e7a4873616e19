/** IPv6: RFC 8200, RFC 7045, RFC 5095. */
import type { Case } from "../runner/case.ts";

const SYN = { flow: "T1", tcp: "SYN" } as const;
/** PadN of 4 bytes, in a header of 8. */
const PAD = "00010400000000";

export const IPV6_CASES: readonly Case[] = [
  {
    ids: ["R-106", "I5"],
    clause: "RFC 8200 4; RFC 7045 2.1; the agent hands them to the NAT machine",
    shows: "hop-by-hop and destination options are stepped over and kept",
    families: [6],
    steps: [
      { client: { ...SYN, extensions: [[0, PAD]] }, expect: "translated" },
      { server: { flow: "T1", tcp: "SYN ACK", extensions: [[60, PAD]] }, expect: "translated" },
      { client: { flow: "T1", extensions: [[0, PAD], [60, PAD]] }, expect: "translated" },
      { bypass: "T1" },
      {
        server: { flow: "T1", extensions: [[60, PAD]], payload: 8 },
        expect: { translated: { by: "nat" } },
      },
    ],
  },
  {
    ids: ["R-106", "M-069", "M-071", "M-072"],
    clause: "RFC 8200 4.1; RFC 7045 2.1; the limits are our own choice",
    shows:
      "chains of extension headers that are out of order, too long, or go past the packet are dropped",
    families: [6],
    steps: [
      {
        client: { ...SYN, extensions: [[60, PAD], [0, PAD]] },
        expect: { dropped: "badExtensionHeader" },
      },
      {
        client: { ...SYN, extensions: [[0, PAD], [0, PAD]] },
        expect: { dropped: "badExtensionHeader" },
      },
      {
        client: { ...SYN, extensions: [[60, "ff010400000000"]] },
        expect: { dropped: "badExtensionHeader" },
      },
      {
        client: { ...SYN, extensions: Array.from({ length: 100 }, () => [60, PAD] as const) },
        expect: { dropped: "badExtensionHeader" },
      },
      { session: "T1", is: "none" },
    ],
  },
  {
    ids: ["R-107", "M-070"],
    clause: "RFC 5095 3",
    shows: "a routing header that is still to be followed is dropped",
    families: [6],
    steps: [
      {
        client: { ...SYN, extensions: [[43, "0200010000000020010db8001000000000000000000011"]] },
        expect: { dropped: "sourceRoute" },
      },
    ],
  },
  {
    ids: ["M-068"],
    clause: "RFC 8200 3",
    shows: "a payload length of 0, or beyond the packet, is dropped",
    families: [6],
    steps: [
      { client: { ...SYN, totalLength: 0 }, expect: { dropped: "badTotalLength" } },
      { client: { ...SYN, totalLength: 100 }, expect: { dropped: "truncated" } },
      { client: { ...SYN, cut: 39 }, expect: { dropped: "tooShort" } },
    ],
  },
  {
    ids: ["M-002"],
    clause: "RFC 2464 3",
    shows: "an IPv4 packet in a frame that says IPv6 is not looked at",
    steps: [
      {
        client: { ...SYN, etherType: 0x86dd },
        expect: { dropped: "badVersion", lab: "not taken" },
      },
      { session: "T1", is: "none" },
    ],
    notPure: "the Ethernet type belongs to the frame",
  },
  {
    ids: ["M-002"],
    clause: "RFC 894",
    shows: "an IPv6 packet in a frame that says IPv4 is not looked at",
    families: [6],
    steps: [
      {
        client: { ...SYN, etherType: 0x0800 },
        expect: { dropped: "badVersion", lab: "not taken" },
      },
      { session: "T1", is: "none" },
    ],
    notPure: "the Ethernet type belongs to the frame",
  },
];
