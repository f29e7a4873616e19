import assert from "node:assert/strict";
import { ACK, FIN, OwnershipWatch, RST, type Segment, SYN, tokenOf } from "./owned_session.ts";

const CLIENT = "198.51.100.2:40000";
const DIRECT = { direct: true };
const OTHER = "198.51.100.3:40000";

function segment(changes: Partial<Segment> & { text?: string }): Segment {
  const { text = "", ...rest } = changes;
  return {
    client: CLIENT,
    flags: ACK,
    sequence: 9_001,
    acknowledgement: 101,
    payload: new TextEncoder().encode(text),
    ...rest,
  };
}

/** A connection from number 100 of the client and 9000 of the server. */
function opened(): OwnershipWatch {
  const watch = new OwnershipWatch();
  watch.sent(segment({ flags: SYN, sequence: 100, acknowledgement: 0 }));
  watch.came(segment({ flags: SYN | ACK, sequence: 9_000 }), DIRECT);
  return watch;
}

Deno.test("what belongs to a connection that the client opened is no stranger", () => {
  const watch = opened();
  watch.sent(segment({ sequence: 101, text: "request" }));
  watch.came(segment({ acknowledgement: 108, text: tokenOf(CLIENT, 1).repeat(3) }), DIRECT);
  watch.came(segment({ acknowledgement: 108, flags: FIN | ACK, sequence: 9_100 }), DIRECT);
  watch.came(segment({ flags: RST, sequence: 9_101, acknowledgement: 0 }), DIRECT);
  assert.deepEqual(watch.strangers, []);
  assert.equal(watch.connections, 1);
});

Deno.test("a late segment of the connection before from the same port is no stranger", () => {
  const watch = opened();
  watch.sent(segment({ flags: SYN, sequence: 5_000_000, acknowledgement: 0 }));
  watch.came(segment({}), DIRECT);
  watch.came(segment({ flags: SYN | ACK, sequence: 77, acknowledgement: 5_000_001 }), DIRECT);
  assert.equal(watch.strangerCount, 0);
  assert.equal(watch.connections, 2);
});

Deno.test("what is about an earlier connection is a stranger only when it comes directly", () => {
  const watch = opened();
  const earlier = segment({ sequence: 77, acknowledgement: 2_000_000_000 });
  watch.came(earlier, { direct: false });
  assert.equal(watch.strangerCount, 0);
  assert.equal(watch.earlier, 1);
  watch.came(earlier, { direct: true });
  assert.equal(watch.strangerCount, 1);
  watch.came(segment({ client: OTHER }), { direct: false });
  assert.equal(watch.strangerCount, 2, "but not to a port that was never opened");
});

Deno.test("another session's segment is a stranger: by its port, its numbers, or its bytes", () => {
  for (
    const strange of [
      segment({ client: OTHER }),
      segment({ acknowledgement: 2_000_000_000 }),
      segment({ sequence: 2_000_000_000 }),
      segment({ flags: RST, sequence: 2_000_000_000, acknowledgement: 0 }),
      segment({ text: `…${tokenOf(OTHER, 1)}…` }),
    ]
  ) {
    const watch = opened();
    watch.came(strange, DIRECT);
    assert.equal(watch.strangerCount, 1, JSON.stringify(strange));
    assert.equal(watch.strangers.length, 1);
  }
});

Deno.test("a datagram belongs to whom its token names", () => {
  const watch = new OwnershipWatch();
  watch.datagram(CLIENT, new TextEncoder().encode(tokenOf(CLIENT, 1)));
  assert.equal(watch.strangerCount, 0);
  watch.datagram(CLIENT, new TextEncoder().encode(tokenOf(OTHER, 1)));
  watch.datagram(CLIENT, new Uint8Array(3));
  assert.equal(watch.strangerCount, 2);
  assert.equal(watch.datagrams, 3);
});
