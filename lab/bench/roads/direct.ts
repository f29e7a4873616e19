import { ADDRESSES } from "../../topology.ts";
import type { Road } from "../road.ts";

/** Nothing in between: what the network, the server and the generator can do at most. */
export const direct: Road = {
  name: "direct",
  description: "routing, from the client to the server's own address",
  protocols: ["tcp", "udp"],
  up: () => Promise.resolve({ host: ADDRESSES.s1, processes: [], down: () => Promise.resolve() }),
};
