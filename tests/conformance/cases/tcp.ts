/** TCP: RFC 5382, RFC 7857, RFC 5961, RFC 9293. */
import type { Case } from "../runner/case.ts";

const DATA = { tcp: "PSH ACK", payload: 100 } as const;
/** A reset has no window, and an identification of no meaning (RFC 6864, 4.1). */
const RESET = { tcp: "RST", window: 0, acknowledgement: 0 } as const;

export const TCP_CASES: readonly Case[] = [
  {
    ids: ["R-020", "R-070", "R-096", "O3"],
    clause: "RFC 5382 REQ-2",
    shows: "handshake, data and both ends' close pass, every other bit as it was",
    families: [4, 6],
    steps: [
      // MSS 1460, SACK permitted, timestamps, window scale 7.
      {
        client: {
          flow: "T1",
          tcp: "SYN",
          sequence: 1000,
          acknowledgement: 0,
          tcpOptions: "020405b4 0402080a 00000001 00000000 01030307",
        },
        expect: "translated",
      },
      {
        server: {
          flow: "T1",
          tcp: "SYN ACK",
          sequence: 5000,
          acknowledgement: 1001,
          tcpOptions: "020405b4 0402080a 00000002 00000001 01030307",
        },
        expect: "translated",
      },
      {
        client: { flow: "T1", tcp: "ACK", sequence: 1001, acknowledgement: 5001 },
        expect: "translated",
      },
      { bypass: "T1" },
      {
        client: {
          flow: "T1",
          ...DATA,
          sequence: 1001,
          acknowledgement: 5001,
          tcpOptions: "0101080a0000000300000002",
        },
        expect: "translated",
      },
      {
        server: {
          flow: "T1",
          ...DATA,
          sequence: 5001,
          acknowledgement: 1101,
          tcpOptions: "0101080a0000000400000003",
        },
        expect: "translated",
      },
      {
        server: { flow: "T1", tcp: "FIN ACK", sequence: 5101, acknowledgement: 1101 },
        expect: "translated",
      },
      {
        client: { flow: "T1", tcp: "FIN ACK", sequence: 1101, acknowledgement: 5102 },
        expect: "translated",
      },
      {
        server: { flow: "T1", tcp: "ACK", sequence: 5102, acknowledgement: 1102 },
        expect: { translated: { by: "either" } },
      },
    ],
  },
  {
    ids: ["R-020", "R-116"],
    clause: "RFC 5382 REQ-2; RFC 9293 3.8.1",
    shows: "a SYN that is sent again keeps its NAT endpoint, so does a SYN-ACK",
    steps: [
      { client: { flow: "T1", tcp: "SYN" }, expect: "translated" },
      { client: { flow: "T1", tcp: "SYN" }, expect: "translated" },
      { client: { flow: "T1", tcp: "SYN" }, expect: "translated" },
      { server: { flow: "T1", tcp: "SYN ACK" }, expect: "translated" },
      { server: { flow: "T1", tcp: "SYN ACK" }, expect: "translated" },
      { client: { flow: "T1", tcp: "ACK" }, expect: "translated" },
      { session: "T1", is: "established" },
    ],
  },
  {
    ids: ["R-020"],
    clause: "RFC 5382 REQ-2 a",
    shows: "a simultaneous open passes: SYN both ways, SYN-ACK both ways",
    steps: [
      { client: { flow: "T1", tcp: "SYN" }, expect: "translated" },
      { server: { flow: "T1", tcp: "SYN" }, expect: "translated" },
      { client: { flow: "T1", tcp: "SYN ACK" }, expect: "translated" },
      { server: { flow: "T1", tcp: "SYN ACK" }, expect: "translated" },
      { client: { flow: "T1", tcp: "ACK" }, expect: "translated" },
      { session: "T1", is: "established" },
    ],
  },
  {
    ids: ["R-020", "M-038"],
    clause: "RFC 5382 REQ-2; RFC 7413",
    shows: "a SYN with data passes, and so does the SYN-ACK with data",
    steps: [
      {
        client: { flow: "T1", tcp: "SYN", payload: 300, tcpOptions: "220a 0102030405060708" },
        expect: "translated",
      },
      { server: { flow: "T1", tcp: "SYN ACK", payload: 200 }, expect: "translated" },
      { client: { flow: "T1", tcp: "ACK" }, expect: "translated" },
    ],
  },
  {
    ids: ["R-020", "B-01", "R-060"],
    clause: "RFC 5382 REQ-2; RFC 7857 2.1",
    shows: "half close: after the client's FIN the server goes on sending",
    steps: [
      { open: "T1" },
      { bypass: "T1" },
      { client: { flow: "T1", tcp: "FIN ACK" }, expect: "translated" },
      { server: { flow: "T1", tcp: "ACK", payload: 1000 }, expect: "translated" },
      { session: "T1", is: "closing" },
      { server: { flow: "T1", tcp: "ACK", payload: 1400 }, expect: "translated" },
      { client: { flow: "T1", tcp: "ACK" }, expect: "translated" },
    ],
  },
  {
    ids: ["R-020"],
    clause: "RFC 5382 REQ-2; RFC 9293 3.6",
    shows: "a simultaneous close passes",
    steps: [
      { open: "T1" },
      { bypass: "T1" },
      { client: { flow: "T1", tcp: "FIN ACK" }, expect: "translated" },
      { server: { flow: "T1", tcp: "FIN ACK" }, expect: "translated" },
      { client: { flow: "T1", tcp: "ACK" }, expect: "translated" },
      {
        server: { flow: "T1", tcp: "ACK" },
        expect: { translated: { by: "either" } },
      },
    ],
  },
  {
    ids: ["R-020", "R-125", "M-046"],
    clause: "RFC 5382 REQ-2",
    shows: "keep-alives, window probes, selective acknowledgements and urgent data pass",
    families: [4, 6],
    steps: [
      { open: "T1" },
      { bypass: "T1" },
      // Keep-alive: one byte before what is expected; with a byte of garbage, too.
      { server: { flow: "T1", tcp: "ACK", sequence: 999 }, expect: "translated" },
      { client: { flow: "T1", tcp: "ACK", sequence: 1000, payload: 1 }, expect: "translated" },
      { server: { flow: "T1", tcp: "ACK", window: 0 }, expect: "translated" },
      { client: { flow: "T1", tcp: "ACK", payload: 1, window: 0 }, expect: "translated" },
      {
        server: {
          flow: "T1",
          tcp: "ACK",
          tcpOptions: "0101 0512 00000001 00000002 00000003 00000004",
        },
        expect: "translated",
      },
      {
        server: { flow: "T1", tcp: "URG PSH ACK", urgent: 60_000, payload: 3 },
        expect: "translated",
      },
      { client: { flow: "T1", tcp: "URG ACK", urgent: 0, payload: 3 }, expect: "translated" },
      {
        server: { flow: "T1", tcp: "ACK", sequence: 0xffffffff, payload: 2 },
        expect: "translated",
      },
    ],
  },
  {
    ids: ["R-020", "R-087", "M-039"],
    clause: "RFC 3168 6.1; RFC 9768",
    shows: "ECN bits and reserved bits of TCP pass unchanged",
    steps: [
      { client: { flow: "T1", tcp: "SYN ECE CWR AE" }, expect: "translated" },
      { server: { flow: "T1", tcp: "SYN ACK ECE" }, expect: "translated" },
      { client: { flow: "T1", tcp: "ACK AE R1 R2" }, expect: "translated" },
      { bypass: "T1" },
      {
        server: { flow: "T1", tcp: "ACK ECE CWR AE R1", payload: 10, trafficClass: 3 },
        expect: "translated",
      },
      {
        client: { flow: "T1", tcp: "ACK CWR", payload: 10, trafficClass: 3 },
        expect: "translated",
      },
    ],
  },
  {
    ids: ["R-021", "R-010", "R-026"],
    clause: "RFC 5382 REQ-3",
    shows: "what is not from the session's own server does not reach the client, and is reset",
    steps: [
      { open: "T1" },
      {
        server: { flow: "T1", source: "S2:8080", tcp: "SYN ACK", acknowledgement: 77 },
        from: "S2",
        expect: {
          dropped: "noSession",
          answer: {
            packet: { flow: "T1", leg: "P>S", destination: "S2:8080", ...RESET, sequence: 77 },
          },
        },
      },
      {
        // Not a server's endpoint: nobody whose socket a reset would free.
        server: { flow: "T1", source: "S1:9999", tcp: "ACK", acknowledgement: 78 },
        expect: { dropped: "noSession" },
      },
      { server: { flow: "T1", ...DATA }, expect: "translated" },
    ],
  },
  {
    ids: ["R-022"],
    clause: "RFC 5382 REQ-4; a VIP is a host, not somebody behind the NAT: it answers at once",
    shows: "a SYN to a port that no service has is reset, from the VIP",
    families: [4, 6],
    steps: [
      {
        client: { flow: "T1", destination: "VIP:81", tcp: "SYN", sequence: 41 },
        expect: {
          dropped: "noService",
          answer: {
            packet: {
              flow: "T1",
              leg: "VIP>C",
              source: "VIP:81",
              tcp: "RST ACK",
              sequence: 0,
              acknowledgement: 42,
              window: 0,
            },
          },
        },
      },
    ],
  },
  {
    ids: ["R-022"],
    clause: "RFC 5382 REQ-4",
    shows: "configured to be silent, it answers no SYN and no datagram",
    setup: "silent",
    families: [4, 6],
    steps: [
      {
        client: { flow: "T1", destination: "VIP:81", tcp: "SYN" },
        expect: { dropped: "noService" },
      },
      { client: { flow: "U1", destination: "VIP:81" }, expect: { dropped: "noService" } },
      { client: { flow: "T1", tcp: "ACK" }, expect: { dropped: "noSession" } },
    ],
  },
  {
    ids: ["R-022", "M-045"],
    clause: "RFC 5382 REQ-4",
    shows: "a SYN to a SNAT address from the client's side is dropped in silence",
    steps: [
      {
        client: { source: "X:40000", destination: "P:20001", flow: "T1", tcp: "SYN" },
        expect: { dropped: "noSession" },
      },
    ],
  },
  {
    ids: ["R-026", "R-124", "M-045"],
    clause: "RFC 9293 3.10.7.1",
    shows: "a segment of no session is reset, and a reset is never answered; no session begins",
    families: [4, 6],
    steps: [
      {
        client: { flow: "T1", tcp: "ACK", acknowledgement: 9_999, payload: 10 },
        expect: {
          dropped: "noSession",
          answer: { packet: { flow: "T1", leg: "VIP>C", ...RESET, sequence: 9_999 } },
        },
      },
      {
        client: { flow: "T1", tcp: "SYN ACK", acknowledgement: 8_888 },
        expect: {
          dropped: "noSession",
          answer: { packet: { flow: "T1", leg: "VIP>C", ...RESET, sequence: 8_888 } },
        },
      },
      {
        client: { flow: "T1", tcp: "FIN ACK", acknowledgement: 7_777 },
        expect: {
          dropped: "noSession",
          answer: { packet: { flow: "T1", leg: "VIP>C", ...RESET, sequence: 7_777 } },
        },
      },
      { client: { flow: "T1", tcp: "RST" }, expect: { dropped: "noSession" } },
      { client: { flow: "T1", tcp: "RST ACK" }, expect: { dropped: "noSession" } },
      { session: "T1", is: "none" },
    ],
  },
  {
    ids: ["R-062", "R-120", "R-030"],
    clause: "RFC 7857 2.2; RFC 5961 3.2",
    shows:
      "a RST is passed on and ends nothing at once: what comes after it brings the session back",
    families: [4, 6],
    steps: [
      { open: "T1" },
      { bypass: "T1" },
      { client: { flow: "T1", tcp: "RST", sequence: 123_456 }, expect: "translated" },
      { session: "T1", is: "reset" },
      // The server's challenge ACK, and life goes on.
      { client: { flow: "T1", ...DATA }, expect: "translated" },
      { session: "T1", is: "established" },
      { server: { flow: "T1", ...DATA }, expect: "translated" },
    ],
  },
  {
    ids: ["R-062", "B-02", "B-35"],
    clause: "RFC 7857 2.2",
    shows: "a server's RST reaches the client",
    steps: [
      { open: "T1" },
      { bypass: "T1" },
      { server: { flow: "T1", tcp: "RST ACK" }, expect: "translated" },
      { client: { flow: "T1", tcp: "ACK" }, expect: "translated" },
    ],
  },
  {
    ids: ["R-121", "R-122"],
    clause: "RFC 5961 4.2, 5.2",
    shows: "a SYN inside a connection goes to its server, whose challenge ACK goes back",
    steps: [
      { open: "T1" },
      { client: { flow: "T1", tcp: "SYN", sequence: 70_000 }, expect: "translated" },
      { server: { flow: "T1", tcp: "ACK" }, expect: "translated" },
      { session: "T1", is: "established" },
      { client: { flow: "T1", ...DATA }, expect: "translated" },
    ],
  },
  {
    ids: ["R-121", "B-22"],
    clause: "RFC 9293 3.6.1; RFC 5961 4.2",
    shows:
      "a SYN from the port of a finished connection starts another session, with another NAT endpoint",
    flows: { again: { protocol: "tcp", client: "C:40000", vip: "VIP:80" } },
    steps: [
      { open: "T1" },
      { client: { flow: "T1", tcp: "FIN ACK" }, expect: "translated" },
      { server: { flow: "T1", tcp: "FIN ACK" }, expect: "translated" },
      { client: { flow: "T1", tcp: "ACK" }, expect: "translated" },
      { session: "T1", is: "closed" },
      { open: "again" },
      { compare: ["T1", "again"], natEndpoint: "different" },
    ],
  },
  {
    ids: ["R-070", "O2", "M-035"],
    clause: "RFC 1624; our own choice for a SYN",
    shows: "a wrong checksum stays wrong by the same amount, and starts no session",
    families: [4, 6],
    steps: [
      { client: { flow: "T1", tcp: "SYN", checksum: "wrong" }, expect: { dropped: "badChecksum" } },
      { session: "T1", is: "none" },
      { open: "T1" },
      { bypass: "T1" },
      { client: { flow: "T1", ...DATA, checksum: "wrong" }, expect: "translated" },
      { server: { flow: "T1", ...DATA, checksum: "wrong" }, expect: "translated" },
    ],
  },
  {
    ids: ["R-073"],
    clause: "RFC 9293 3.1: 0 is a checksum like others",
    shows: "a TCP checksum that comes out as 0 stays 0",
    families: [4, 6],
    steps: [
      { open: "T1" },
      { bypass: "T1" },
      {
        client: { flow: "T1", tcp: "ACK", payload: 64, checksum: "zero behind the NAT" },
        expect: "translated",
      },
      {
        server: { flow: "T1", tcp: "ACK", payload: 64, checksum: "zero behind the NAT" },
        expect: "translated",
      },
    ],
  },
  {
    ids: ["R-075"],
    clause: "the kernel's CHECKSUM_PARTIAL (checksum-offloads.rst)",
    shows:
      "a TCP checksum that is left to the device stays the pseudo-header's sum, of the new addresses",
    families: [4, 6],
    steps: [
      { client: { flow: "T1", tcp: "SYN", checksum: "partial" }, expect: "translated" },
      { server: { flow: "T1", tcp: "SYN ACK", checksum: "partial" }, expect: "translated" },
      { client: { flow: "T1", tcp: "ACK", checksum: "partial" }, expect: "translated" },
      { bypass: "T1" },
      { server: { flow: "T1", ...DATA, checksum: "partial" }, expect: "translated" },
    ],
  },
  {
    ids: ["M-032", "M-033", "M-034"],
    clause: "RFC 9293 3.1",
    shows: "a TCP header that is cut short or lies about its length is dropped",
    families: [4, 6],
    steps: [
      {
        client: { flow: "T1", source: "C", destination: "VIP", protocol: 6, payload: 19 },
        expect: { dropped: "badTcp" },
      },
      { client: { flow: "T1", tcp: "SYN", dataOffset: 4 }, expect: { dropped: "badTcp" } },
      { client: { flow: "T1", tcp: "SYN", dataOffset: 0 }, expect: { dropped: "badTcp" } },
      { client: { flow: "T1", tcp: "SYN", dataOffset: 6 }, expect: { dropped: "badTcp" } },
      { session: "T1", is: "none" },
    ],
  },
  {
    ids: ["M-036", "M-037"],
    clause: "our own choice: no connection produces these",
    shows: "impossible combinations of flags are dropped and start no session",
    families: [4, 6],
    steps: [
      { client: { flow: "T1", tcp: "NULL" }, expect: { dropped: "badFlags" } },
      { client: { flow: "T1", tcp: "SYN FIN" }, expect: { dropped: "badFlags" } },
      { client: { flow: "T1", tcp: "SYN RST" }, expect: { dropped: "badFlags" } },
      { client: { flow: "T1", tcp: "FIN PSH URG" }, expect: { dropped: "badFlags" } },
      {
        client: { flow: "T1", tcp: "FIN SYN RST PSH ACK URG ECE CWR" },
        expect: { dropped: "badFlags" },
      },
      { session: "T1", is: "none" },
    ],
  },
  {
    ids: ["M-040"],
    clause: "RFC 6335 6",
    shows: "port 0 is dropped in TCP too",
    steps: [
      { client: { flow: "T1", source: "C:0", tcp: "SYN" }, expect: { dropped: "portZero" } },
      { client: { flow: "T1", destination: "VIP:0", tcp: "SYN" }, expect: { dropped: "portZero" } },
    ],
  },
  {
    ids: ["M-041", "M-042", "M-043", "M-044", "R-096"],
    clause: "RFC 9293 3.2: options are the ends' own affair",
    shows: "options pass unchanged, known, unknown or malformed",
    steps: [
      { client: { flow: "T1", tcp: "SYN", tcpOptions: "02000000" }, expect: "translated" },
      { client: { flow: "T1", tcp: "SYN", tcpOptions: "02010000" }, expect: "translated" },
      { client: { flow: "T1", tcp: "SYN", tcpOptions: "02ff0000" }, expect: "translated" },
      {
        client: { flow: "T1", tcp: "SYN", tcpOptions: "0203 05 0204 0000 0204 05b4 0303 ff" },
        expect: "translated",
      },
      {
        client: { flow: "T1", tcp: "SYN", tcpOptions: "1312 000102030405060708090a0b0c0d0e0f" },
        expect: "translated",
      },
      {
        client: {
          flow: "T1",
          tcp: "SYN",
          tcpOptions: "1d04 0102 1e0c 00810102030405060708 fd04 1234",
        },
        expect: "translated",
      },
    ],
  },
];
