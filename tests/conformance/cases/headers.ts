/** IP headers: RFC 791, RFC 1812, RFC 6864, RFC 7126, and what is malformed about them. */
import type { Case } from "../runner/case.ts";

const SYN = { flow: "T1", tcp: "SYN" } as const;
/** A packet that shows no destination of ours is not taken from the link at all. */
const NOT_TAKEN = { lab: "not taken" } as const;
const HOST_ANSWERS =
  "the kernel of the NAT machine's host sees the packet too, and sends a parameter problem (RFC 1122 3.2.2.5)";
const QUOTE_DIFFERS = { quote: "no more than the packet is long, RFC 792's 8 bytes at least" };

export const HEADER_CASES: readonly Case[] = [
  {
    ids: ["R-080", "M-011"],
    clause: "RFC 1812 5.3.1",
    shows: "a client's last hop is answered from the VIP with what was sent, and starts nothing",
    steps: [
      {
        client: { ...SYN, ttl: 1 },
        expect: {
          dropped: "hopLimit",
          answer: {
            packet: {
              source: "VIP",
              destination: "C",
              icmp: { type: 11, quote: { ...SYN, leg: "C>VIP", ttl: 1 } },
            },
            mayDiffer: QUOTE_DIFFERS,
          },
        },
      },
      { session: "T1", is: "none" },
    ],
  },
  {
    ids: ["R-080", "M-078"],
    clause: "RFC 4443 3.3",
    shows: "an IPv6 client's last hop is answered from the VIP with what was sent",
    families: [6],
    steps: [
      {
        client: { ...SYN, ttl: 1 },
        expect: {
          dropped: "hopLimit",
          answer: {
            packet: {
              source: "VIP",
              destination: "C",
              icmp: { type: 3, quote: { ...SYN, leg: "C>VIP", ttl: 1 } },
            },
            mayDiffer: QUOTE_DIFFERS,
          },
        },
      },
      { session: "T1", is: "none" },
    ],
  },
  {
    ids: ["R-080"],
    clause: "RFC 1812 5.3.1",
    shows: "a server's last hop is answered from the SNAT address, in the server's terms",
    steps: [
      { open: "T1" },
      {
        server: { flow: "T1", ttl: 1, payload: 40 },
        expect: {
          dropped: "hopLimit",
          answer: {
            packet: {
              source: "T1.nat:0",
              destination: "T1.server:0",
              icmp: { type: 11, quote: { flow: "T1", leg: "S>P", ttl: 1, payload: 40 } },
            },
            mayDiffer: QUOTE_DIFFERS,
          },
        },
      },
      { server: { flow: "T1", ttl: 2, payload: 40 }, expect: "translated" },
    ],
  },
  {
    ids: ["R-080", "B-15"],
    clause: "RFC 1812 5.3.1: the agent is no router",
    shows: "what the agent sends keeps its TTL, down to 1",
    ways: ["bypass"],
    families: [4, 6],
    steps: [
      { open: "T1" },
      { bypass: "T1" },
      { server: { flow: "T1", ttl: 255, payload: 4 }, expect: "translated" },
      { server: { flow: "T1", ttl: 2, payload: 4 }, expect: "translated" },
    ],
  },
  {
    ids: ["R-081", "M-002"],
    clause: "RFC 1812 5.2.2",
    shows: "another IP version than 4 is dropped",
    steps: [
      { client: { ...SYN, version: 5, etherType: 0x0800 }, expect: { dropped: "badVersion" } },
      { client: { ...SYN, version: 0, etherType: 0x0800 }, expect: { dropped: "badVersion" } },
      { client: { ...SYN, version: 15, etherType: 0x0800 }, expect: { dropped: "badVersion" } },
    ],
  },
  {
    ids: ["R-081", "M-003", "M-004", "M-006", "M-007"],
    clause: "RFC 1812 5.2.2",
    shows: "lengths of the header and of the packet that contradict each other are dropped",
    steps: [
      { client: { ...SYN, headerWords: 0 }, expect: { dropped: "badHeaderLength" } },
      { client: { ...SYN, headerWords: 4 }, expect: { dropped: "badHeaderLength" } },
      { client: { ...SYN, headerWords: 15 }, expect: { dropped: "badTotalLength" } },
      { client: { ...SYN, totalLength: 19 }, expect: { dropped: "badTotalLength" } },
      { client: { ...SYN, totalLength: 0 }, expect: { dropped: "badTotalLength" } },
      { session: "T1", is: "none" },
    ],
  },
  {
    ids: ["M-001", "M-005"],
    clause: "RFC 1812 5.2.2",
    shows: "a packet that is shorter than it says is dropped",
    steps: [
      { client: { ...SYN, payload: 100, cut: 139 }, expect: { dropped: "truncated" } },
      { client: { ...SYN, cut: 20 }, expect: { dropped: "truncated" } },
      { client: { ...SYN, cut: 19 }, expect: { dropped: "tooShort" } },
      { client: { ...SYN, cut: 1 }, expect: { dropped: "tooShort" } },
    ],
  },
  {
    ids: ["R-081", "M-008"],
    clause: "RFC 1812 5.2.2",
    shows: "a wrong header checksum is dropped in silence",
    steps: [{ client: { ...SYN, headerChecksum: "wrong" }, expect: { dropped: "badChecksum" } }],
  },
  {
    ids: ["R-081", "M-008"],
    clause: "RFC 1812 5.2.2",
    shows: "a wrong header checksum of a response is dropped in silence",
    steps: [
      { exchange: "U1" },
      { server: { flow: "U1", headerChecksum: "wrong" }, expect: { dropped: "badChecksum" } },
    ],
  },
  {
    ids: ["M-009"],
    clause: "RFC 1071: 0xffff and 0 are one number",
    shows: "a header checksum of 0xffff in place of 0 is right, and comes out as it should be",
    steps: [
      // The identification makes the sum come out as 0.
      {
        client: {
          ...SYN,
          source: "198.51.100.77:40000",
          flags: "DF",
          id: 0xd444,
          headerChecksum: 0xffff,
        },
        expect: "translated",
      },
    ],
  },
  {
    ids: ["R-086", "M-028"],
    clause: "RFC 1812 5.3.7; RFC 2827",
    shows:
      "a packet that claims to come from a SNAT address or another VIP is dropped without an answer",
    families: [4, 6],
    steps: [
      { client: { ...SYN, source: "P:40000" }, expect: { dropped: "martianSource" } },
      { client: { ...SYN, source: "VIP2:40000" }, expect: { dropped: "martianSource" } },
      {
        client: { flow: "U1", source: "P:40000", payload: 4 },
        expect: { dropped: "martianSource" },
      },
      {
        client: { source: "P", destination: "VIP", icmp: { type: 8 }, payload: 4 },
        expect: { dropped: "martianSource" },
      },
    ],
  },
  {
    ids: ["R-089"],
    clause: "RFC 791 3.2; RFC 894",
    shows: "what pads a frame is not part of the packet",
    families: [4, 6],
    steps: [
      { client: { ...SYN, padding: 6 }, expect: "translated" },
      { server: { flow: "T1", tcp: "SYN ACK", padding: 100 }, expect: "translated" },
      { client: { flow: "T1", tcp: "ACK", padding: 1 }, expect: "translated" },
    ],
  },
  {
    ids: ["M-010"],
    clause: "RFC 1812 5.3.1",
    shows: "a TTL of 0 is dropped",
    families: [4, 6],
    steps: [{ client: { ...SYN, ttl: 0 }, expect: { dropped: "hopLimitZero" } }],
  },
  {
    ids: ["M-012"],
    clause: "RFC 791: reserved, must be zero; neither looked at nor changed",
    shows: "the reserved flag passes",
    steps: [{ client: { ...SYN, flags: "RF DF" }, expect: "translated" }],
  },
  {
    ids: ["R-085", "M-020", "M-021", "M-022"],
    clause: "RFC 791 3.1",
    shows: "an IP option with an impossible length is dropped",
    notInLab: HOST_ANSWERS,
    steps: [
      { client: { ...SYN, ipOptions: "07000000" }, expect: { dropped: "badOptions" } },
      { client: { ...SYN, ipOptions: "07010000" }, expect: { dropped: "badOptions" } },
      { client: { ...SYN, ipOptions: "070d0000" }, expect: { dropped: "badOptions" } },
      { client: { ...SYN, ipOptions: "01010107" }, expect: { dropped: "badOptions" } },
    ],
  },
  {
    ids: ["R-085", "M-023"],
    clause: "RFC 7126 4.3, 4.4",
    shows: "source routes are dropped",
    steps: [
      { client: { ...SYN, ipOptions: "830704 0a00000b 00" }, expect: { dropped: "sourceRoute" } },
      { client: { ...SYN, ipOptions: "01 890704 0a00000b" }, expect: { dropped: "sourceRoute" } },
    ],
  },
  {
    ids: ["R-085", "M-024"],
    clause: "RFC 791 3.1",
    shows: "what an option says inside is not looked at, so a wrong pointer writes nothing",
    notInLab: HOST_ANSWERS,
    steps: [
      { client: { ...SYN, ipOptions: "070b01 c0000201c0000202" }, expect: "translated" },
      { client: { ...SYN, ipOptions: "070bff c0000201c0000202" }, expect: "translated" },
    ],
  },
  {
    ids: ["R-085", "M-024", "M-025"],
    clause: "RFC 7126: other options; the agent hands them to the NAT machine",
    shows: "other options pass untouched, the ports are found behind them",
    steps: [
      { client: { ...SYN, ipOptions: "94040000" }, expect: "translated" },
      { server: { flow: "T1", tcp: "SYN ACK", ipOptions: "01".repeat(40) }, expect: "translated" },
      // Record route, full.
      {
        client: { flow: "T1", tcp: "ACK", ipOptions: "070b0c c0000201c0000202" },
        expect: "translated",
      },
      { bypass: "T1" },
      {
        server: { flow: "T1", ipOptions: "94040000", payload: 9 },
        expect: { translated: { by: "nat" } },
      },
    ],
  },
  {
    ids: ["R-086", "M-026"],
    clause: "RFC 1812 5.3.7; RFC 6890",
    shows: "sources that no packet can have are dropped without an answer",
    steps: [
      ...["0.0.0.0", "127.0.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "169.254.1.1"].map(
        (source) => ({
          client: { ...SYN, source: `${source}:40000` },
          expect: { dropped: "martianSource" },
        }),
      ),
      { session: "T1", is: "none" },
    ],
  },
  {
    ids: ["R-086", "M-027"],
    clause: "RFC 1812 5.3.7 (LAND)",
    shows: "a packet from the VIP to itself is dropped",
    families: [4, 6],
    steps: [{ client: { ...SYN, source: "VIP:80" }, expect: { dropped: "land" } }],
  },
  {
    ids: ["R-086", "M-077"],
    clause: "RFC 4291 2.5; RFC 4007",
    shows: "IPv6 sources that no forwarded packet can have are dropped",
    families: [6],
    steps: ["[::]", "[::1]", "[ff02::1]", "[fe80::1]"].map((source) => ({
      client: { ...SYN, source: `${source}:40000` },
      expect: { dropped: "martianSource" },
    })),
  },
  {
    ids: ["R-088", "M-029"],
    clause: "RFC 1122 3.3.6",
    shows:
      "a packet for the VIP in a broadcast or multicast frame, or for another machine, is dropped",
    families: [4, 6],
    steps: [
      { client: { ...SYN, mac: "broadcast" }, expect: { dropped: "notForUs" } },
      { client: { ...SYN, mac: "multicast" }, expect: { dropped: "notForUs" } },
      { client: { ...SYN, mac: "another machine" }, expect: { dropped: "notForUs" } },
      { session: "T1", is: "none" },
    ],
  },
  {
    ids: ["M-031"],
    clause: "our own choice: VLANs end before the NAT machine",
    shows: "tagged frames and other types are not looked at",
    notPure: "the Ethernet header is the socket filter's affair",
    steps: [
      { client: { ...SYN, tag: "81000005" }, expect: { dropped: "notIp", ...NOT_TAKEN } },
      { client: { ...SYN, etherType: 0x88cc }, expect: { dropped: "notIp", ...NOT_TAKEN } },
      { session: "T1", is: "none" },
    ],
  },
  {
    ids: ["R-047", "M-030"],
    clause: "RFC 1122 3.2.2.1",
    shows: "other protocols to a VIP: protocol unreachable, and no session",
    steps: [47, 50, 132, 253, 255].map((protocol) => ({
      client: { source: "C", destination: "VIP", protocol, payload: 24 },
      expect: {
        dropped: "unsupportedProtocol",
        answer: {
          packet: {
            source: "VIP",
            destination: "C",
            icmp: {
              type: 3,
              code: 2,
              quote: {
                source: "C",
                destination: "VIP",
                leg: "C>VIP" as const,
                protocol,
                payload: 24,
              },
            },
          },
          mayDiffer: QUOTE_DIFFERS,
        },
      },
    })),
  },
  {
    ids: ["R-047", "M-079"],
    clause: "RFC 4443 3.4",
    shows: "other protocols to a VIP in IPv6: unrecognized next header",
    families: [6],
    steps: [47, 132, 253].map((protocol) => ({
      client: { source: "C", destination: "VIP", protocol, payload: 24 },
      expect: {
        dropped: "unsupportedProtocol",
        answer: {
          packet: {
            source: "VIP",
            destination: "C",
            icmp: {
              type: 4,
              code: 1,
              rest: 6,
              quote: {
                source: "C",
                destination: "VIP",
                leg: "C>VIP" as const,
                protocol,
                payload: 24,
              },
            },
          },
          mayDiffer: QUOTE_DIFFERS,
        },
      },
    })),
  },
  {
    ids: ["R-082"],
    clause: "RFC 1122 3.2.2; RFC 1812 4.3.2.7",
    shows: "no error about an error, nor about a fragment that is not the first",
    steps: [
      {
        client: {
          source: "C",
          destination: "VIP",
          ttl: 1,
          icmp: { type: 3, code: 3, quote: { flow: "U1", leg: "VIP>C", payload: 8 } },
        },
        expect: { dropped: "hopLimit" },
      },
      {
        client: { flow: "U1", ttl: 1, payload: 800, fragment: { from: 400, id: 7, more: false } },
        expect: "held",
      },
      { idle: "heldFragment", until: "just after" },
    ],
  },
];
