import assert from "node:assert/strict";
import { parseSocketStatistics, sumRetransmitted } from "./socket_statistics.ts";

/** As iproute2 6.1 prints them. */
const LINES = [
  "ESTAB 0      0      10.0.0.11:8090 10.0.1.1:1024 cubic wscale:7,7 rto:204 rtt:0.1/0.05 " +
  "bytes_sent:1000 bytes_retrans:2896 segs_out:9 retrans:0/2 dsack_dups:1 rcv_space:14480",
  "ESTAB 0      0      [2001:db8:10::11]:8090 [2001:db8:1::1]:1024 cubic rto:201 segs_out:9",
  "FIN-WAIT-2 0 0      [::ffff:10.0.0.11]:8080 [::ffff:10.0.1.1]:1025 cubic retrans:1/3",
  "",
].join("\n");

Deno.test("parseSocketStatistics reads endpoints and what was sent again", () => {
  assert.deepEqual(parseSocketStatistics(LINES), [
    { local: "10.0.0.11:8090", peer: "10.0.1.1:1024", retransmitted: 2 },
    { local: "[2001:db8:10::11]:8090", peer: "[2001:db8:1::1]:1024", retransmitted: 0 },
    { local: "10.0.0.11:8080", peer: "10.0.1.1:1025", retransmitted: 3 },
  ]);
});

Deno.test("sumRetransmitted adds up the ends of one connection on all nodes", () => {
  const client = [{ local: "198.51.100.2:4000", peer: "203.0.113.10:80", retransmitted: 1 }];
  const nodes = [client, parseSocketStatistics(LINES)];
  assert.equal(sumRetransmitted(nodes, ["198.51.100.2:4000", "10.0.1.1:1024"]), 3);
});
