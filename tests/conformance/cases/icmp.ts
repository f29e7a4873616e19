/** ICMP: RFC 5508, RFC 4884, RFC 1191, RFC 5927. */
import type { Case, QuoteSpec } from "../runner/case.ts";

/** What the server sent, as the client's side saw it, and as the server knows it. */
const TO_CLIENT = { flow: "T1", leg: "VIP>C", tcp: "PSH ACK", payload: 100 } as const;
const BY_SERVER = { ...TO_CLIENT, leg: "S>P" } as const;
/** What the client sent. */
const TO_SERVER = { flow: "T1", leg: "P>S", tcp: "PSH ACK", payload: 100, sequence: 1001 } as const;
const BY_CLIENT = { ...TO_SERVER, leg: "C>VIP" } as const;
const DATAGRAM_TO_CLIENT = { flow: "U1", leg: "VIP>C", payload: 30 } as const;
const DATAGRAM_BY_SERVER = { ...DATAGRAM_TO_CLIENT, leg: "S>P" } as const;
const DATAGRAM_TO_SERVER = { flow: "U1", leg: "P>S", payload: 20 } as const;
const DATAGRAM_BY_CLIENT = { ...DATAGRAM_TO_SERVER, leg: "C>VIP" } as const;

/** The session has sent these bytes, so errors about them can be true. */
const SERVER_HAS_SENT = {
  server: { ...BY_SERVER },
  expect: "translated",
} as const;

/** An error from a router on the client's side reaches the server, in the server's terms. */
function towardsServer(
  icmp: {
    readonly type: number;
    readonly code?: number;
    readonly rest?: number;
    readonly mtu?: number;
  },
  quote: QuoteSpec,
  translated: QuoteSpec,
): Case["steps"][number] {
  return {
    client: { source: "RT", destination: "VIP", icmp: { ...icmp, quote } },
    expect: {
      out: [{
        side: "server",
        packet: { source: "RT", destination: "S1", ttl: 63, icmp: { ...icmp, quote: translated } },
      }],
    },
  };
}

export const ICMP_CASES: readonly Case[] = [
  {
    ids: ["R-031"],
    clause: "RFC 5508 REQ-1; our own choice: the VIP answers by itself",
    shows: "a VIP answers ping with what was sent",
    steps: [0, 56, 1400, 1472].map((payload) => ({
      client: { source: "C", destination: "VIP", icmp: { type: 8, rest: 0x12340001 }, payload },
      expect: {
        answer: {
          packet: { source: "VIP", destination: "C", icmp: { type: 0, rest: 0x12340001 }, payload },
          mayDiffer: { ttl: "its own packet", identification: "its own packet" },
        },
      },
    })),
  },
  {
    ids: ["R-031", "R-108"],
    clause: "RFC 4443 4.2",
    shows: "a VIP answers ping in IPv6",
    families: [6],
    steps: [0, 56, 1400, 1452].map((payload) => ({
      client: { source: "C", destination: "VIP", icmp: { type: 128, rest: 0x12340001 }, payload },
      expect: {
        answer: {
          packet: {
            source: "VIP",
            destination: "C",
            icmp: { type: 129, rest: 0x12340001 },
            payload,
          },
          mayDiffer: { ttl: "its own packet" },
        },
      },
    })),
  },
  {
    ids: ["R-031"],
    clause: "our own choice: echo can be switched off",
    shows: "configured so, no VIP answers ping",
    setup: "silent",
    steps: [
      {
        client: { source: "C", destination: "VIP", icmp: { type: 8, rest: 1 }, payload: 56 },
        expect: { dropped: "echo" },
      },
      {
        client: { flow: "U1", source: "C", destination: "VIP", protocol: 47 },
        expect: { dropped: "unsupportedProtocol" },
      },
    ],
  },
  {
    ids: ["R-022", "R-042"],
    clause: "RFC 1122 3.2.2.1",
    shows: "a datagram to a port that no service has is answered: port unreachable",
    steps: [{
      client: { flow: "U1", destination: "VIP:99", payload: 20 },
      expect: {
        dropped: "noService",
        answer: {
          packet: {
            source: "VIP",
            destination: "C",
            icmp: {
              type: 3,
              code: 3,
              quote: { flow: "U1", leg: "C>VIP", destination: "VIP:99", payload: 20 },
            },
          },
          mayDiffer: { quote: "no more than the datagram is long" },
        },
      },
    }],
  },
  {
    ids: ["R-022", "R-109"],
    clause: "RFC 4443 3.1",
    shows: "a datagram over IPv6 to a port that no service has is answered: port unreachable",
    families: [6],
    steps: [{
      client: { flow: "U1", destination: "VIP:99", payload: 20 },
      expect: {
        dropped: "noService",
        answer: {
          packet: {
            source: "VIP",
            destination: "C",
            icmp: {
              type: 1,
              code: 4,
              quote: { flow: "U1", leg: "C>VIP", destination: "VIP:99", payload: 20 },
            },
          },
          mayDiffer: { quote: "no more than the datagram is long" },
        },
      },
    }],
  },
  {
    ids: ["R-014", "R-029", "R-038", "R-043", "R-045", "B-12"],
    clause: "RFC 5508 REQ-4; RFC 4787 REQ-12; RFC 5382 REQ-9",
    shows: "errors about a server's segment reach that server, also when the agent sent it",
    steps: [
      { open: "T1" },
      { bypass: "T1" },
      SERVER_HAS_SENT,
      towardsServer({ type: 3, code: 0 }, TO_CLIENT, BY_SERVER),
      towardsServer({ type: 3, code: 1 }, TO_CLIENT, BY_SERVER),
      towardsServer({ type: 3, code: 13 }, TO_CLIENT, BY_SERVER),
      towardsServer({ type: 11, code: 0 }, TO_CLIENT, BY_SERVER),
      towardsServer({ type: 12, code: 0, rest: 0x14000000 }, TO_CLIENT, BY_SERVER),
      { session: "T1", is: "established" },
    ],
  },
  {
    ids: ["R-036", "R-045"],
    clause: "RFC 5508 REQ-3 c; RFC 792",
    shows: "a quote of 8 bytes above IP is translated, and nothing is written behind it",
    steps: [
      { open: "T1" },
      { bypass: "T1" },
      SERVER_HAS_SENT,
      towardsServer({ type: 3, code: 1 }, { ...TO_CLIENT, quoted: 28 }, {
        ...BY_SERVER,
        quoted: 28,
      }),
      towardsServer({ type: 3, code: 1 }, { ...TO_CLIENT, quoted: 36 }, {
        ...BY_SERVER,
        quoted: 36,
      }),
      towardsServer({ type: 3, code: 1 }, { ...TO_CLIENT, quoted: 40 }, {
        ...BY_SERVER,
        quoted: 40,
      }),
    ],
  },
  {
    ids: ["R-038", "R-045"],
    clause: "RFC 5508 REQ-4",
    shows: "errors about a server's datagram reach that server, with and without a quoted checksum",
    steps: [
      { exchange: "U1" },
      { bypass: "U1" },
      towardsServer({ type: 3, code: 3 }, DATAGRAM_TO_CLIENT, DATAGRAM_BY_SERVER),
      towardsServer({ type: 11, code: 0 }, { ...DATAGRAM_TO_CLIENT, checksum: "zero" }, {
        ...DATAGRAM_BY_SERVER,
        checksum: "zero",
      }),
      towardsServer({ type: 3, code: 4, mtu: 1280 }, {
        ...DATAGRAM_TO_CLIENT,
        payload: 1400,
        quoted: 200,
      }, { ...DATAGRAM_BY_SERVER, payload: 1400, quoted: 200 }),
    ],
  },
  {
    ids: ["R-038", "O6"],
    clause: "RFC 5508 REQ-4 c",
    shows: "an error that the client makes itself comes to the server from the SNAT address",
    steps: [
      { exchange: "U1" },
      { bypass: "U1" },
      {
        client: {
          source: "C",
          destination: "VIP",
          icmp: { type: 3, code: 3, quote: DATAGRAM_TO_CLIENT },
        },
        expect: {
          out: [{
            side: "server",
            packet: {
              source: "U1.nat:0",
              destination: "S1",
              ttl: 63,
              icmp: { type: 3, code: 3, quote: DATAGRAM_BY_SERVER },
            },
          }],
        },
      },
    ],
  },
  {
    ids: ["R-039", "R-045", "O6"],
    clause: "RFC 5508 REQ-5",
    shows: "a server's error reaches the client from the VIP, and shows no inner address",
    steps: [
      { client: DATAGRAM_BY_CLIENT, expect: "translated" },
      {
        server: {
          source: "S1",
          destination: "U1.nat:0",
          icmp: { type: 3, code: 3, quote: DATAGRAM_TO_SERVER },
        },
        expect: {
          out: [{
            side: "client",
            packet: {
              source: "VIP",
              destination: "C",
              ttl: 63,
              icmp: { type: 3, code: 3, quote: DATAGRAM_BY_CLIENT },
            },
          }],
        },
      },
      // A router of the servers' network.
      {
        server: {
          source: "G",
          destination: "U1.nat:0",
          icmp: { type: 11, quote: DATAGRAM_TO_SERVER },
        },
        expect: {
          out: [{
            side: "client",
            packet: {
              source: "VIP",
              destination: "C",
              ttl: 63,
              icmp: { type: 11, quote: DATAGRAM_BY_CLIENT },
            },
          }],
        },
      },
    ],
  },
  {
    ids: ["R-039", "R-015", "R-090"],
    clause: "RFC 5508 REQ-5; RFC 1191 4",
    shows: "an error about a client's segment reaches the client, the MTU as it was",
    steps: [
      { open: "T1" },
      { client: { ...BY_CLIENT, payload: 1400 }, expect: "translated" },
      {
        server: {
          source: "G",
          destination: "T1.nat:0",
          icmp: { type: 3, code: 4, mtu: 1300, quote: { ...TO_SERVER, payload: 1400, quoted: 60 } },
        },
        expect: {
          out: [{
            side: "client",
            packet: {
              source: "VIP",
              destination: "C",
              ttl: 63,
              icmp: {
                type: 3,
                code: 4,
                mtu: 1300,
                quote: { ...BY_CLIENT, payload: 1400, quoted: 60 },
              },
            },
          }],
        },
      },
    ],
  },
  {
    ids: ["R-038", "R-045", "R-108"],
    clause: "RFC 4443 3; RFC 5508 REQ-4",
    shows: "errors reach the other end in IPv6 too",
    families: [6],
    steps: [
      { open: "T1" },
      { bypass: "T1" },
      SERVER_HAS_SENT,
      towardsServer({ type: 1, code: 0 }, TO_CLIENT, BY_SERVER),
      towardsServer({ type: 3, code: 0 }, TO_CLIENT, BY_SERVER),
      towardsServer({ type: 4, code: 1, rest: 40 }, { ...TO_CLIENT, quoted: 48 }, {
        ...BY_SERVER,
        quoted: 48,
      }),
      { client: DATAGRAM_BY_CLIENT, expect: "translated" },
      {
        server: {
          source: "S1",
          destination: "U1.nat:0",
          icmp: { type: 1, code: 4, quote: DATAGRAM_TO_SERVER },
        },
        expect: {
          out: [{
            side: "client",
            packet: {
              source: "VIP",
              destination: "C",
              ttl: 63,
              icmp: { type: 1, code: 4, quote: DATAGRAM_BY_CLIENT },
            },
          }],
        },
      },
      towardsServer({ type: 2, mtu: 1280 }, { ...DATAGRAM_TO_CLIENT, payload: 1400, quoted: 200 }, {
        ...DATAGRAM_BY_SERVER,
        payload: 1400,
        quoted: 200,
      }),
    ],
  },
  {
    ids: ["R-033", "M-059"],
    clause: "RFC 5508 REQ-3",
    shows: "an error or an echo with a wrong ICMP checksum is dropped",
    families: [4],
    steps: [
      { open: "T1" },
      SERVER_HAS_SENT,
      {
        client: {
          source: "RT",
          destination: "VIP",
          checksum: "wrong",
          icmp: { type: 3, code: 1, quote: TO_CLIENT },
        },
        expect: { dropped: "badChecksum" },
      },
      {
        client: {
          source: "C",
          destination: "VIP",
          checksum: "wrong",
          icmp: { type: 8, rest: 1 },
          payload: 8,
        },
        expect: { dropped: "badChecksum" },
      },
    ],
  },
  {
    ids: ["R-034"],
    clause: "RFC 5508 REQ-3 a",
    shows: "an error whose quoted IP header has a wrong checksum is dropped",
    steps: [
      { open: "T1" },
      SERVER_HAS_SENT,
      {
        client: {
          source: "RT",
          destination: "VIP",
          icmp: { type: 3, code: 1, quote: { ...TO_CLIENT, headerChecksum: "wrong" } },
        },
        expect: { dropped: "badError" },
      },
    ],
  },
  {
    ids: ["R-035"],
    clause: "RFC 5508 REQ-3 b",
    shows: "IP options in the quote are stepped over",
    steps: [
      { open: "T1" },
      SERVER_HAS_SENT,
      towardsServer({ type: 3, code: 1 }, { ...TO_CLIENT, ipOptions: "01".repeat(20) }, {
        ...BY_SERVER,
        ipOptions: "01".repeat(20),
      }),
    ],
  },
  {
    ids: ["R-036"],
    clause: "RFC 5508 REQ-3 c",
    shows: "a wrong checksum in the quote stays wrong, and stops nothing",
    steps: [
      { open: "T1" },
      SERVER_HAS_SENT,
      towardsServer({ type: 3, code: 1 }, { ...TO_CLIENT, checksum: "wrong" }, {
        ...BY_SERVER,
        checksum: "wrong",
      }),
    ],
  },
  {
    ids: ["R-038", "M-063", "M-060", "M-061", "M-062", "M-064"],
    clause: "RFC 5508 REQ-4 a, REQ-5 a",
    shows: "errors about no session, and quotes that are none, are dropped in silence",
    steps: [
      {
        client: {
          source: "RT",
          destination: "VIP",
          icmp: { type: 3, code: 1, quote: { ...TO_CLIENT, destination: "X:1" } },
        },
        expect: { dropped: "noSession" },
      },
      { open: "T1" },
      SERVER_HAS_SENT,
      // The quote is of somebody else's packet.
      {
        client: {
          source: "RT",
          destination: "VIP",
          icmp: { type: 3, code: 1, quote: { ...TO_CLIENT, source: "VIP2:80" } },
        },
        expect: { dropped: "badError" },
      },
      {
        client: {
          source: "RT",
          destination: "VIP",
          icmp: { type: 3, code: 1, quote: { ...TO_CLIENT, quoted: 19 } },
        },
        expect: { dropped: "badError" },
      },
      {
        client: {
          source: "RT",
          destination: "VIP",
          icmp: { type: 3, code: 1, quote: { ...TO_CLIENT, quoted: 27 } },
        },
        expect: { dropped: "badError" },
      },
      {
        client: {
          source: "RT",
          destination: "VIP",
          icmp: { type: 3, code: 1, quote: { ...TO_CLIENT, version: 6 } },
        },
        expect: { dropped: "badError" },
      },
      {
        client: {
          source: "RT",
          destination: "VIP",
          icmp: { type: 3, code: 1, quote: { ...TO_CLIENT, headerWords: 3 } },
        },
        expect: { dropped: "badError" },
      },
      {
        client: {
          source: "RT",
          destination: "VIP",
          icmp: { type: 3, code: 1, quote: { ...TO_CLIENT, fragmentOffset: 64 } },
        },
        expect: { dropped: "badError" },
      },
      {
        client: {
          source: "RT",
          destination: "VIP",
          icmp: {
            type: 3,
            code: 1,
            quote: {
              leg: "VIP>C",
              source: "VIP",
              destination: "C",
              icmp: { type: 3, code: 3 },
              payload: 28,
            },
          },
        },
        expect: { dropped: "badError" },
      },
      { session: "T1", is: "established" },
    ],
  },
  {
    ids: ["R-091", "R-093", "H-13"],
    clause: "RFC 5927 4.1",
    shows: "an error about bytes that the server cannot have sent changes nothing",
    steps: [
      { open: "T1" },
      SERVER_HAS_SENT,
      {
        client: {
          source: "X",
          destination: "VIP",
          icmp: {
            type: 3,
            code: 4,
            mtu: 600,
            quote: { ...TO_CLIENT, sequence: 900_000, payload: 1400, quoted: 60 },
          },
        },
        expect: { dropped: "badError" },
      },
      {
        client: {
          source: "X",
          destination: "VIP",
          icmp: { type: 3, code: 1, quote: { ...TO_CLIENT, sequence: 0x8000_0000 } },
        },
        expect: { dropped: "badError" },
      },
    ],
  },
  {
    ids: ["R-093", "M-065"],
    clause: "RFC 1191 3; RFC 5927 7.2",
    shows: "an MTU that cannot be true is dropped; none at all, from an old router, is not",
    steps: [
      { exchange: "U1" },
      ...[1, 20, 67, 1428, 1500, 65535].map((mtu) => ({
        client: {
          source: "RT",
          destination: "VIP",
          icmp: {
            type: 3,
            code: 4,
            mtu,
            quote: { ...DATAGRAM_TO_CLIENT, payload: 1400, quoted: 60 },
          },
        },
        expect: { dropped: "badError" },
      })),
      towardsServer({ type: 3, code: 4, mtu: 0 }, {
        ...DATAGRAM_TO_CLIENT,
        payload: 1400,
        quoted: 60,
      }, { ...DATAGRAM_BY_SERVER, payload: 1400, quoted: 60 }),
      towardsServer({ type: 3, code: 4, mtu: 1427 }, {
        ...DATAGRAM_TO_CLIENT,
        payload: 1400,
        quoted: 60,
      }, { ...DATAGRAM_BY_SERVER, payload: 1400, quoted: 60 }),
    ],
  },
  {
    ids: ["R-094", "M-081"],
    clause: "RFC 8201 4",
    shows: "packet too big with an MTU below 1280 is dropped",
    families: [6],
    steps: [
      { exchange: "U1" },
      ...[0, 68, 1279].map((mtu) => ({
        client: {
          source: "RT",
          destination: "VIP",
          icmp: { type: 2, mtu, quote: { ...DATAGRAM_TO_CLIENT, payload: 1400, quoted: 200 } },
        },
        expect: { dropped: "badError" },
      })),
    ],
  },
  {
    ids: ["R-092", "R-038", "R-090", "B-12", "B-13"],
    clause: "RFC 1191 6.3; our own choice: a TCP session's path MTU is kept with the session",
    shows: "too big about TCP goes no further: the server's other clients keep their size",
    families: [4],
    steps: [
      { open: "T1" },
      { open: "T2" },
      { bypass: "T1" },
      { bypass: "T2" },
      { server: { ...BY_SERVER, payload: 1400 }, expect: "translated" },
      {
        client: {
          source: "RT",
          destination: "VIP",
          icmp: { type: 3, code: 4, mtu: 1280, quote: { ...TO_CLIENT, payload: 1400, quoted: 60 } },
        },
        expect: "consumed",
      },
      {
        server: { ...BY_SERVER, payload: 1400 },
        expect: { translated: { by: "either", segmentBytes: 1240 } },
      },
      { server: { ...BY_SERVER, payload: 1240 }, expect: { translated: { by: "either" } } },
      { server: { ...BY_SERVER, flow: "T2", payload: 1400 }, expect: "translated" },
    ],
  },
  {
    ids: ["R-092", "R-094", "R-109"],
    clause: "RFC 8201 4, 5.2; our own choice, as in IPv4",
    shows: "packet too big about TCP is kept with its session, whose segments get smaller",
    families: [6],
    steps: [
      { open: "T1" },
      { open: "T2" },
      { bypass: "T1" },
      { bypass: "T2" },
      { server: { ...BY_SERVER, payload: 1400 }, expect: "translated" },
      {
        client: {
          source: "RT",
          destination: "VIP",
          icmp: { type: 2, mtu: 1280, quote: { ...TO_CLIENT, payload: 1400, quoted: 80 } },
        },
        expect: "consumed",
      },
      {
        server: { ...BY_SERVER, payload: 1400 },
        expect: { translated: { by: "either", segmentBytes: 1220 } },
      },
      { server: { ...BY_SERVER, payload: 1220 }, expect: { translated: { by: "either" } } },
      { server: { ...BY_SERVER, flow: "T2", payload: 1400 }, expect: "translated" },
    ],
  },
  {
    ids: ["R-043", "R-044", "M-066"],
    clause: "RFC 5508 REQ-10, REQ-11; RFC 1812 5.2.7",
    shows: "redirects, source quench and all other messages are dropped and change nothing",
    steps: [
      { open: "T1" },
      ...[4, 5].map((type) => ({
        client: {
          source: "RT",
          destination: "VIP",
          icmp: { type, rest: 0xc0000201, quote: TO_CLIENT },
        },
        expect: { dropped: "unsupportedProtocol" },
      })),
      ...[0, 9, 10, 13, 14, 15, 16, 17, 18, 200].map((type) => ({
        client: { source: "X", destination: "VIP", icmp: { type, rest: 1 }, payload: 20 },
        expect: { dropped: "unsupportedProtocol" },
      })),
      { session: "T1", is: "established" },
    ],
  },
  {
    ids: ["R-110", "M-082"],
    clause: "RFC 4861 7, 8",
    shows: "neighbour discovery and the like are never translated",
    families: [6],
    steps: [133, 134, 135, 136, 137, 130, 131, 143].map((type) => ({
      client: { source: "X", destination: "VIP", icmp: { type, rest: 0 }, payload: 16 },
      expect: { dropped: "unsupportedProtocol" },
    })),
  },
  {
    ids: ["M-058"],
    clause: "RFC 792",
    shows: "an ICMP message of fewer than 8 bytes is dropped",
    steps: [
      {
        client: { source: "C", destination: "VIP", protocol: 1, payload: 7 },
        expect: { dropped: "badIcmp" },
      },
    ],
  },
  {
    ids: ["R-111", "R-037"],
    clause: "RFC 4884 4",
    shows: "extensions pass unchanged towards the servers, and are not taken for the quote",
    steps: [
      { open: "T1" },
      SERVER_HAS_SENT,
      {
        client: {
          source: "RT",
          destination: "VIP",
          // 128 bytes of quote, then an MPLS label stack object.
          icmp: {
            type: 11,
            length: 32,
            quote: { ...TO_CLIENT, quoted: 128, padTo: 128 },
            extension: "2000d5c3 00080101 00013d01",
          },
        },
        expect: {
          out: [{
            side: "server",
            packet: {
              source: "RT",
              destination: "S1",
              ttl: 63,
              icmp: {
                type: 11,
                length: 32,
                quote: { ...BY_SERVER, quoted: 128, padTo: 128 },
                extension: "2000d5c3 00080101 00013d01",
              },
            },
          }],
        },
      },
    ],
  },
  {
    ids: ["M-067"],
    clause: "RFC 4884 4",
    shows: "a length beyond the message ends where the message does",
    steps: [
      { open: "T1" },
      SERVER_HAS_SENT,
      {
        client: {
          source: "RT",
          destination: "VIP",
          icmp: { type: 11, length: 255, quote: TO_CLIENT },
        },
        expect: {
          out: [{
            side: "server",
            packet: {
              source: "RT",
              destination: "S1",
              ttl: 63,
              icmp: { type: 11, length: 255, quote: BY_SERVER },
            },
          }],
        },
      },
    ],
  },
  {
    ids: ["R-112"],
    clause: "RFC 4884 5.4",
    shows: "extensions without a length are part of the quote, and stay as they are",
    steps: [
      { open: "T1" },
      SERVER_HAS_SENT,
      {
        client: {
          source: "RT",
          destination: "VIP",
          icmp: {
            type: 11,
            quote: { ...TO_CLIENT, quoted: 128, padTo: 128 },
            extension: "2000d5c3 00080101 00013d01",
          },
        },
        expect: {
          out: [{
            side: "server",
            packet: {
              source: "RT",
              destination: "S1",
              ttl: 63,
              icmp: {
                type: 11,
                quote: { ...BY_SERVER, quoted: 128, padTo: 128 },
                extension: "2000d5c3 00080101 00013d01",
              },
            },
          }],
        },
      },
    ],
  },
  {
    ids: ["R-114"],
    clause: "RFC 5837: interface information; our own choice",
    shows: "extensions are cut off towards the clients: they may show inner addresses",
    steps: [
      { client: DATAGRAM_BY_CLIENT, expect: "translated" },
      {
        server: {
          source: "G",
          destination: "U1.nat:0",
          icmp: {
            type: 11,
            length: 32,
            quote: { ...DATAGRAM_TO_SERVER, padTo: 128 },
            extension: "20001234 0010020a 00010000 0a0000fe",
          },
        },
        expect: {
          out: [{
            side: "client",
            packet: {
              source: "VIP",
              destination: "C",
              ttl: 63,
              icmp: { type: 11, quote: { ...DATAGRAM_BY_CLIENT, padTo: 128 } },
            },
          }],
        },
      },
    ],
  },
  {
    ids: ["R-065", "R-040", "R-014"],
    clause: "RFC 7857 7.1; RFC 5508 REQ-6",
    shows: "errors and resets neither keep nor end a session",
    steps: [
      { client: DATAGRAM_BY_CLIENT, expect: "translated" },
      { idle: "udpOpening", until: "just before" },
      {
        server: {
          source: "S1",
          destination: "U1.nat:0",
          icmp: { type: 3, code: 3, quote: DATAGRAM_TO_SERVER },
        },
        expect: {
          out: [{
            side: "client",
            packet: {
              source: "VIP",
              destination: "C",
              ttl: 63,
              icmp: { type: 3, code: 3, quote: DATAGRAM_BY_CLIENT },
            },
          }],
        },
      },
      { session: "U1", is: "opening" },
      { idle: "udpOpening", until: "just before" },
      { session: "U1", is: "none" },
    ],
  },
];
