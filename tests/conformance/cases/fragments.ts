/** Fragments: RFC 791, RFC 1858, RFC 3128, RFC 5722, RFC 6864, RFC 8200. */
import type {
  AnswerSpec,
  Case,
  FragmentSpec,
  PacketSpec,
  TranslationDetails,
} from "../runner/case.ts";

/** A datagram of 3000 bytes in three pieces. */
const LARGE = { flow: "U1", payload: 3000 } as const;
const BACK = { flow: "U1", leg: "S>P", payload: 3000 } as const;
const PIECES: readonly FragmentSpec[] = [
  { from: 0, bytes: 1200, id: 0x1234 },
  { from: 1200, bytes: 1200, id: 0x1234 },
  { from: 2400, id: 0x1234 },
];
const NEW_ID = {
  identification:
    "RFC 6864 5.3.1: as if the NAT machine were the source, one for all fragments of a datagram",
};
const BY_NAT: { readonly translated: TranslationDetails } = {
  translated: { by: "nat", mayDiffer: NEW_ID },
};

function piece(of: PacketSpec, i: number, changes: Partial<FragmentSpec> = {}): PacketSpec {
  return { ...of, fragment: { ...PIECES[i]!, ...changes } };
}

const ECHO = { rest: 0x77770001 } as const;

function ping(i: number): PacketSpec {
  return piece({ source: "C", destination: "VIP", icmp: { type: 8, ...ECHO }, payload: 3000 }, i);
}

function pong(i: number): AnswerSpec {
  return {
    packet: piece(
      { source: "VIP", destination: "C", icmp: { type: 0, ...ECHO }, payload: 3000 },
      i,
    ),
    mayDiffer: { ttl: "its own packet", ...NEW_ID },
  };
}

export const FRAGMENT_CASES: readonly Case[] = [
  {
    ids: ["R-016", "R-072", "R-077", "R-100"],
    clause: "RFC 4787 REQ-14; RFC 3022 6.3",
    shows: "fragments in order leave at once, translated, with one identification",
    families: [4, 6],
    steps: [
      { client: piece(LARGE, 0), expect: BY_NAT },
      { client: piece(LARGE, 1), expect: BY_NAT },
      { client: piece(LARGE, 2), expect: BY_NAT },
      { server: piece(BACK, 0), expect: BY_NAT },
      { server: piece(BACK, 1), expect: BY_NAT },
      { server: piece(BACK, 2), expect: BY_NAT },
    ],
  },
  {
    ids: ["R-016", "R-100", "M-056"],
    clause: "RFC 4787 REQ-14 a",
    shows: "fragments that come before the first one follow it",
    families: [4, 6],
    steps: [
      { client: piece(LARGE, 2), expect: "held" },
      { client: piece(LARGE, 1), expect: "held" },
      {
        client: piece(LARGE, 0),
        expect: { translated: { by: "nat", mayDiffer: NEW_ID, andHeld: [1, 0] } },
      },
      { server: piece(BACK, 1), expect: "held" },
      {
        server: piece(BACK, 0),
        expect: { translated: { by: "nat", mayDiffer: NEW_ID, andHeld: [3] } },
      },
      { server: piece(BACK, 2), expect: BY_NAT },
    ],
  },
  {
    ids: ["B-38", "R-015", "I5"],
    clause: "later fragments have no ports: the agent hands all of them to the NAT machine",
    shows: "fragments of responses reach the client though there is an instruction",
    families: [4, 6],
    steps: [
      { exchange: "U1" },
      { bypass: "U1" },
      { server: piece(BACK, 0), expect: BY_NAT },
      { server: piece(BACK, 2), expect: BY_NAT },
      { server: piece(BACK, 1), expect: BY_NAT },
      { server: { flow: "U1", payload: 100 }, expect: "translated" },
    ],
  },
  {
    ids: ["R-031", "R-077"],
    clause: "RFC 1122 3.2.2.6; RFC 791 3.2",
    shows: "a ping in fragments is answered in fragments, in any order",
    steps: [
      { client: ping(0), expect: { answer: pong(0) } },
      { client: ping(2), expect: { answer: pong(2) } },
      { client: ping(1), expect: { answer: pong(1) } },
    ],
  },
  {
    ids: ["R-072"],
    clause: "RFC 6864 5.3.1",
    shows: "two clients that use one identification do not meet at the server",
    families: [4],
    steps: [
      { client: piece(LARGE, 0), expect: BY_NAT },
      { client: piece({ flow: "U2", payload: 3000 }, 0), expect: BY_NAT },
      { client: piece({ flow: "U2", payload: 3000 }, 1), expect: BY_NAT },
      { client: piece(LARGE, 1), expect: BY_NAT },
      { client: piece(LARGE, 2), expect: BY_NAT },
      { client: piece({ flow: "U2", payload: 3000 }, 2), expect: BY_NAT },
    ],
  },
  {
    ids: ["R-101", "M-016", "M-017"],
    clause: "RFC 1858 3; RFC 3128",
    shows:
      "a first fragment without the whole TCP header, and a TCP fragment at offset 8, are dropped",
    steps: [
      {
        client: { flow: "T1", tcp: "SYN", fragment: { from: 0, bytes: 8, id: 5, more: true } },
        expect: { dropped: "badTcp" },
      },
      {
        client: { flow: "T1", tcp: "SYN", fragment: { from: 0, bytes: 16, id: 6, more: true } },
        expect: { dropped: "badTcp" },
      },
      {
        client: { flow: "T1", tcp: "SYN", payload: 60, fragment: { from: 8, id: 7 } },
        expect: { dropped: "badFragment" },
      },
      { session: "T1", is: "none" },
    ],
  },
  {
    ids: ["M-015", "M-018", "M-019"],
    clause: "RFC 791 3.2",
    shows: "fragments that fit into no datagram are dropped",
    steps: [
      // Beyond 65,535 bytes.
      {
        client: { flow: "U1", fragmentOffset: 65_528, payload: 100 },
        expect: { dropped: "badFragment" },
      },
      // More to come, but not a multiple of 8.
      {
        client: { ...LARGE, fragment: { from: 0, bytes: 1201, id: 8, more: true } },
        expect: { dropped: "badFragment" },
      },
      // Nothing in it.
      {
        client: { ...LARGE, fragment: { from: 800, bytes: 0, id: 9, more: true } },
        expect: { dropped: "badFragment" },
      },
    ],
  },
  {
    ids: ["R-103", "M-074"],
    clause: "RFC 8200 4.5",
    shows: "an IPv6 fragment that fits into no datagram is dropped",
    families: [6],
    steps: [
      {
        client: { ...LARGE, fragment: { from: 0, bytes: 1201, id: 8, more: true } },
        expect: { dropped: "badFragment" },
      },
    ],
  },
  {
    ids: ["R-102", "M-075"],
    clause: "RFC 5722 3; RFC 8200 4.5",
    shows: "an overlap condemns the datagram; an exact copy does not",
    families: [4, 6],
    steps: [
      { client: piece(LARGE, 0), expect: BY_NAT },
      { client: piece(LARGE, 0), expect: { dropped: "fragment" } },
      { client: piece(LARGE, 1), expect: BY_NAT },
      {
        client: { ...LARGE, fragment: { from: 1600, bytes: 1200, id: 0x1234, more: true } },
        expect: { dropped: "fragment" },
      },
      { client: piece(LARGE, 2), expect: { dropped: "fragment" } },
      // Another datagram is another matter.
      { client: piece(LARGE, 0, { id: 0x1235 }), expect: BY_NAT },
    ],
  },
  {
    ids: ["R-104", "M-076"],
    clause: "RFC 6946 4",
    shows: "an atomic fragment is a whole packet",
    families: [6],
    steps: [
      {
        client: { flow: "U1", payload: 60, fragment: { from: 0, id: 77 } },
        expect: { translated: { mayDiffer: { identification: "it has no meaning" } } },
      },
    ],
  },
  {
    ids: ["R-105", "M-073"],
    clause: "RFC 7112 5",
    shows: "a first fragment that ends before the header above IP is dropped",
    families: [6],
    steps: [
      {
        client: {
          flow: "T1",
          tcp: "SYN",
          payload: 40,
          fragment: { from: 0, bytes: 8, id: 3, more: true },
        },
        expect: { dropped: "badTcp" },
      },
    ],
  },
  {
    ids: ["M-013", "M-014"],
    clause: "RFC 791 3.1",
    shows: "a fragment with the DF bit is a fragment",
    steps: [
      { client: { ...piece(LARGE, 0), flags: "DF" }, expect: BY_NAT },
      { client: { ...piece(LARGE, 1), flags: "DF" }, expect: BY_NAT },
      { client: { ...piece(LARGE, 2), flags: "DF" }, expect: BY_NAT },
    ],
  },
  {
    ids: ["R-016", "H-09"],
    clause: "RFC 4787 REQ-14",
    shows: "fragments of a refused datagram are refused too",
    steps: [
      {
        client: { ...piece({ ...LARGE, destination: "VIP:99" }, 1) },
        expect: "held",
      },
      {
        client: { ...piece({ ...LARGE, destination: "VIP:99" }, 0) },
        expect: { dropped: "noService" },
      },
    ],
    notPure: "what the refused datagram's held pieces are counted as is seen later",
    notInLab: "what the refused datagram's held pieces are counted as is seen later",
  },
];
