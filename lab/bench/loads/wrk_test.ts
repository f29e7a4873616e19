import assert from "node:assert/strict";
import { parseWrk } from "./wrk.ts";

const TEXT = `Running 1s test @ http://203.0.113.10:8080/
  2 threads and 64 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     1.93ms    1.00ms  15.61ms   84.36%
  33012 requests in 1.00s, 37.81MB read
Requests/sec:  32969.41
Transfer/sec:     37.76MB
`;

Deno.test("parseWrk() finds the rate, and the errors where there are some", () => {
  assert.deepEqual(parseWrk(TEXT), { requestsPerSecond: 32969.41, errors: 0 });
  const errors = "  Socket errors: connect 1, read 2, write 3, timeout 4\n" +
    "  Non-2xx or 3xx responses: 10\n";
  assert.equal(parseWrk(TEXT.replace("Requests/sec", `${errors}Requests/sec`)).errors, 20);
  assert.throws(() => parseWrk("unable to connect to 203.0.113.10:http-alt"), SyntaxError);
});
