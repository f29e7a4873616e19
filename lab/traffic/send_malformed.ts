import { openPacketSocket } from "../../lib/linux/packet_socket.ts";
import { mapAnonymous } from "../../lib/linux/memory.ts";
import { SendQueue } from "../../lib/linux/send_queue.ts";
import { announce } from "./program.ts";
import { malformedFrames } from "./malformed_frames.ts";

export interface SendMalformedArguments {
  readonly device: string;
  /** MAC address of the receiver. */
  readonly to: string;
  readonly client: string;
  readonly vip: string;
  readonly count: number;
}

/**
 * `send-malformed --device eth1 --to MAC`: sends frames of every malformed kind, `count` of each.
 * SIGUSR2 asks for the next kind, so that somebody else can look at the effect of each.
 */
export async function sendMalformed(args: SendMalformedArguments): Promise<number> {
  const device = `/sys/class/net/${args.device}`;
  const interfaceIndex = Number(await Deno.readTextFile(`${device}/ifindex`));
  const sourceMac = (await Deno.readTextFile(`${device}/address`)).trim();
  const { to: destinationMac, client, vip } = args;
  const frames = malformedFrames({ destinationMac, sourceMac, client, vip });

  using socket = openPacketSocket({ interfaceIndex, protocol: 0, vnetHeader: false });
  using memory = mapAnonymous(4096);
  using queue = new SendQueue(memory);
  const bytes = new Uint8Array(memory.buffer);
  let next = Promise.withResolvers<void>();
  Deno.addSignalListener("SIGUSR2", () => next.resolve());
  announce({ event: "ready", kinds: frames.length });
  for (const { kind, bytes: frame } of frames) {
    await next.promise;
    next = Promise.withResolvers();
    bytes.set(frame);
    let sent = 0;
    for (let i = 0; i < args.count; i++) {
      queue.push(0, frame.length);
      sent += queue.flush(socket.fd.number);
    }
    announce({ event: "sent", kind, count: sent });
  }
  return 0;
}
