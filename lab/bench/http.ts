import type { BypathLab } from "../bypath_lab.ts";
import type { Bench, TurnOptions } from "./bench.ts";
import { RESPONSE_BYTES, startWebServer, WEB } from "./loads/web_server.ts";
import { wrk } from "./loads/wrk.ts";
import { type OpenRoad, subjectsOf } from "./road.ts";
import { REFERENCE_ROADS, ROADS, WORKERS } from "./roads/all.ts";
import { REFERENCE_NOTE } from "./roads/reference.ts";

const CONNECTIONS = 64;
const REQUESTS = "requests a second";
const CONNECTS = "connections a second";

/** Many small exchanges on connections that stay. */
export const httpRequests: Bench = {
  name: "http-requests",
  description: `HTTP requests a second on ${CONNECTIONS} connections that are kept (wrk, nginx)`,
  needs: ["wrk", "nginx"],
  rounds: 5,
  seconds: 3,
  quantities: [{ name: REQUESTS, unit: "1/s", better: "more" }],
  aims: [
    { quantity: REQUESTS, subject: "bypath-nat", of: "haproxy", atLeast: 1 },
    { quantity: REQUESTS, subject: "bypath-nat", of: "nft", atLeast: 0.9 },
    { quantity: REQUESTS, subject: "bypath-nat", of: "reference-nat", atLeast: 0.95 },
  ],
  notes: [`each answer has ${RESPONSE_BYTES} bytes of content`, REFERENCE_NOTE],
  prepare: startWebServer,
  subjects: subjectsOf(
    [...ROADS, ...WORKERS, ...REFERENCE_ROADS],
    [WEB],
    measure({ quantity: REQUESTS, close: false }),
    warmUp({ close: false }),
  ),
};

/** A connection for each request: sessions come and go as fast as they can. */
export const httpConnections: Bench = {
  name: "http-connections",
  description: `HTTP connections a second, one request each, ${CONNECTIONS} at a time (wrk, nginx)`,
  needs: ["wrk", "nginx"],
  rounds: 5,
  seconds: 3,
  quantities: [{ name: CONNECTS, unit: "1/s", better: "more" }],
  aims: [
    { quantity: CONNECTS, subject: "bypath-nat", of: "haproxy", atLeast: 1 },
    { quantity: CONNECTS, subject: "bypath-nat", of: "nft", atLeast: 0.9 },
    { quantity: CONNECTS, subject: "bypath-nat", of: "reference-nat", atLeast: 0.95 },
  ],
  notes: [
    "each road has new sessions from the first to the last exchange: connections a second are sessions set up " +
    "a second, server and client included",
    REFERENCE_NOTE,
  ],
  prepare: startWebServer,
  subjects: subjectsOf(
    [...ROADS, ...WORKERS, ...REFERENCE_ROADS],
    [WEB],
    measure({ quantity: CONNECTS, close: true }),
    warmUp({ close: true }),
  ),
};

function warmUp({ close }: { readonly close: boolean }) {
  return (lab: BypathLab, { host }: OpenRoad) =>
    wrk(lab, { host, connections: CONNECTIONS, seconds: 1, close });
}

function measure({ quantity, close }: { readonly quantity: string; readonly close: boolean }) {
  return async (
    lab: BypathLab,
    { host }: OpenRoad,
    { seconds, note }: TurnOptions,
    road: string,
  ) => {
    const result = await wrk(lab, { host, connections: CONNECTIONS, seconds, close });
    const { requestsPerSecond, errors } = result;
    if (requestsPerSecond === 0) throw new Error("wrk had no answer");
    if (errors > 0) note(`${road}: wrk counted errors, ${errors} in one turn`);
    return { [quantity]: [requestsPerSecond] };
  };
}
