import { FLOW_PORT, HTTP_PORT, STREAM_PORT } from "../ports.ts";
import { flowServer } from "./flow_server.ts";
import { httpServer } from "./http_server.ts";
import { udpStreamServer } from "./udp_stream_server.ts";

/**
 * `far-ends --listen ADDRESS…`: what `checked-flows` talks to, the three servers in one program.
 */
export async function farEnds(args: { readonly listen: readonly string[] }): Promise<number> {
  const at = (port: number) => ({ listen: args.listen.map((address) => `${address}:${port}`) });
  await Promise.all([
    httpServer(at(HTTP_PORT)),
    flowServer(at(FLOW_PORT)),
    udpStreamServer(at(STREAM_PORT)),
  ]);
  return 0;
}
