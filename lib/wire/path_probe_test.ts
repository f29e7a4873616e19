import assert from "node:assert/strict";
import { IpAddress } from "./address.ts";
import { ETHERNET_HEADER_BYTES } from "./ethernet.ts";
import { verifyL4 } from "./l4_checksum.ts";
import { Packet } from "./packet.ts";
import { datagramProbe, echoProbe, MAXIMUM_PROBE_NONCE, probeNonce } from "./path_probe.ts";

function parsed(bytes: Uint8Array): Packet {
  const packet = new Packet();
  packet.attach(bytes.slice().buffer as ArrayBuffer);
  assert.equal(packet.parseFrame(0, bytes.length), 0);
  return packet;
}

function frame(nonce: number, family: 4 | 6 = 4, make = datagramProbe) {
  const [source, destination] = family === 4
    ? ["203.0.113.10", "10.0.1.1"]
    : ["2001:db8:f::10", "2001:db8:1::1"];
  return make({
    source: IpAddress.parse(source!),
    destination: IpAddress.parse(destination!),
    nonce,
    sourceMac: Uint8Array.of(2, 0, 0, 0, 0, 1),
    destinationMac: Uint8Array.of(2, 0, 0, 0, 0, 2),
  });
}

Deno.test("a probe of either family is read back with its nonce", () => {
  for (const family of [4, 6] as const) {
    for (const nonce of [1, 0xffff_ffff, 0x1_0000_0000, MAXIMUM_PROBE_NONCE]) {
      const bytes = frame(nonce, family);
      const packet = parsed(bytes);
      assert.equal(probeNonce(packet), nonce);
      assert.ok(verifyL4(packet, false));
      assert.ok(bytes.length <= 128);
    }
  }
});

Deno.test("what differs in a port, in the magic, in length or in the nonce's range is no probe", () => {
  const good = frame(77);
  const at = ETHERNET_HEADER_BYTES + 20;
  const spoiled = [at, at + 2, at + 8, at + 12, at + 16].map((offset) => {
    const bytes = good.slice();
    bytes[offset] = bytes[offset]! ^ 0x40;
    return bytes;
  });
  for (const bytes of spoiled) assert.equal(probeNonce(parsed(bytes)), 0);
  assert.equal(probeNonce(parsed(frame(0))), 0);
});

Deno.test("a router's reply to an echo probe is read back, the request itself is not", () => {
  for (const [family, replyType, checksumStep] of [[4, 0, 0x0800], [6, 129, -0x0100]] as const) {
    const request = frame(4711, family, echoProbe);
    assert.equal(probeNonce(parsed(request)), 0);
    const at = ETHERNET_HEADER_BYTES + (family === 4 ? 20 : 40);
    const view = new DataView(request.buffer);
    request[at] = replyType;
    const sum = view.getUint16(at + 2) + checksumStep;
    view.setUint16(at + 2, sum > 0xffff ? sum - 0xffff : sum);
    const reply = parsed(request);
    assert.ok(verifyL4(reply, false));
    assert.equal(probeNonce(reply), 4711);
  }
});
