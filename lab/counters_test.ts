import assert from "node:assert/strict";
import { parseKernelCounters } from "./counters.ts";

Deno.test("parseKernelCounters() pairs the names of a line with the values of the next", () => {
  const counters = parseKernelCounters(
    "Tcp: RtoAlgorithm OutSegs RetransSegs\nTcp: 1 500 3\nTcpExt: TCPTimeouts\nTcpExt: 2\n",
  );
  assert.equal(counters.get("Tcp.OutSegs"), 500);
  assert.equal(counters.get("Tcp.RetransSegs"), 3);
  assert.equal(counters.get("TcpExt.TCPTimeouts"), 2);
});
