import assert from "node:assert/strict";
import { datagramsIn, packetsOut } from "./packet_rates.ts";

const DEV = `Inter-|   Receive                    |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:      10       1    0    0    0     0          0         0       10       1    0    0    0     0       0          0
  eth1:      20       2    0    0    0     0          0         0     1800      30    0    4    0     0       0          0
`;

Deno.test("packetsOut() counts what left a device and what the next one had no room for", () => {
  assert.equal(packetsOut(DEV, "eth1"), 34);
  assert.throws(() => packetsOut(DEV, "eth2"), RangeError);
});

Deno.test("datagramsIn() counts what came, taken or not", () => {
  const text = "Udp: InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors SndbufErrors\n" +
    "Udp: 100 1 7 50 5 0\n";
  assert.equal(datagramsIn(text), 105);
});
