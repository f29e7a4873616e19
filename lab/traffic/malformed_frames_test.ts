import assert from "node:assert/strict";
import { Packet } from "../../lib/wire/packet.ts";
import { PARSED, REASON_COUNT, reasonName } from "../../lib/wire/reason.ts";
import { malformedFrames } from "./malformed_frames.ts";

const FRAMES = malformedFrames({
  destinationMac: "02:00:00:00:00:01",
  sourceMac: "02:00:00:00:00:02",
  client: "198.51.100.2:40000",
  vip: "203.0.113.10:80",
});

/** Well-formed in themselves: what is wrong shows in the session table or by the TCP checksum. */
const PARSEABLE = ["SYN with a wrong TCP checksum", "ACK that belongs to no session"];

Deno.test("every malformed frame is refused by the parser, the intended way", () => {
  const reasons: Record<string, string> = {};
  for (const { kind, bytes } of FRAMES) {
    const packet = new Packet();
    packet.attach(bytes.buffer);
    const reason = packet.parse(14, bytes.length - 14);
    reasons[kind] = reasonName(reason);
    assert.equal(reason === PARSED, PARSEABLE.includes(kind), `${kind}: ${reasonName(reason)}`);
  }
  assert.deepEqual(
    new Set(Array.from({ length: REASON_COUNT }, (_, reason) => reasonName(reason))).difference(
      new Set(Object.values(reasons)),
    ),
    // Of IPv6, of the header before the frame, and of frames that never reach the program.
    new Set([
      "badExtensionHeader",
      "udpChecksumZero",
      "badVnetHeader",
      "martianDestination",
      "notUnicast",
      "notIp",
    ]),
  );
});
