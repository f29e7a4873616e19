import assert from "node:assert/strict";
import fc from "fast-check";
import { fromHex } from "./_test_hex.ts";
import {
  NLM_F_ACK,
  NLM_F_ACK_TLVS,
  NLM_F_REQUEST,
  NLMSG_ERROR,
  RTM_GETROUTE,
} from "./constants.ts";
import {
  decodeAttributes,
  decodeMessages,
  decodeResult,
  decodeText,
  decodeU32,
  encodeAttributes,
  encodeRequest,
  encodeText,
  encodeU32,
} from "./netlink_message.ts";

const { fromEntries } = Object;

Deno.test("encodeRequest() writes header, struct and padded attributes", () => {
  const request = encodeRequest({
    type: RTM_GETROUTE,
    flags: NLM_F_REQUEST | NLM_F_ACK,
    sequence: 7,
    body: fromHex("02200000 00000000 00000000"),
    attributes: [{ type: 1, value: fromHex("08080808") }, { type: 3, value: encodeText("va") }],
  });
  assert.deepEqual(
    request,
    fromHex(`
      2c000000 1a00 0500 07000000 00000000  // length 44, RTM_GETROUTE, flags, sequence, port
      02200000 00000000 00000000            // the struct
      0800 0100 08080808                    // attribute 1, 8 bytes
      0700 0300 766100 00                   // attribute 3, 7 bytes, 1 byte of padding
    `),
  );
});

Deno.test("decodeMessages() reads several messages of one datagram", () => {
  const [first, second, ...rest] = decodeMessages(fromHex(`
    12000000 1800 0200 07000000 936a0000 0102 0000  // 18 bytes, padded to 20
    14000000 0300 0200 07000000 936a0000 00000000   // NLMSG_DONE
  `));
  assert.deepEqual(first, { type: 24, flags: 2, sequence: 7, payload: fromHex("0102") });
  assert.deepEqual(second, { type: 3, flags: 2, sequence: 7, payload: fromHex("00000000") });
  assert.deepEqual(rest, []);
  assert.equal(decodeResult(first!), null);
  assert.deepEqual(decodeResult(second!), { errno: 0, text: "" });
});

Deno.test("decodeResult() reads why the kernel refused, in its own words", () => {
  const [message] = decodeMessages(fromHex(`
    44000000 0200 0003 07000000 936a0000  // NLMSG_ERROR, NLM_F_CAPPED | NLM_F_ACK_TLVS
    9bffffff                              // -101
    34000000 1800 0500 07000000 00000000  // the header of the request
    2000 0100 4e657874 686f7020 68617320 696e7661 6c696420 67617465 77617900
  `));
  assert.deepEqual(decodeResult(message!), { errno: 101, text: "Nexthop has invalid gateway" });
});

Deno.test("decodeResult() skips the request that an older kernel sends back whole", () => {
  const [message] = decodeMessages(fromHex(`
    34000000 0200 0002 07000000 936a0000  // NLMSG_ERROR, NLM_F_ACK_TLVS
    ffffffff                              // -1
    18000000 1800 0500 07000000 00000000  // the header of the request
    11223344 55667788                     // and its body
    0800 0100 6e6f7000                    // "nop"
  `));
  assert.deepEqual(decodeResult(message!), { errno: 1, text: "nop" });
});

Deno.test("decodeAttributes() ignores the flags in an attribute's type", () => {
  const attributes = decodeAttributes(fromHex("0800 0480 dc050000 0700 0300 766100 00"));
  assert.equal(decodeU32(attributes.get(4)), 1500);
  assert.equal(decodeText(attributes.get(3)!), "va");
  assert.equal(decodeU32(attributes.get(5)), 0);
});

Deno.test("decoders take what is whole and ignore what a wrong length leaves", () => {
  assert.deepEqual(decodeMessages(fromHex("0f000000 03000000 00000000 00000000")), []);
  assert.deepEqual(decodeMessages(fromHex("11000000 03000000 00000000 00000000")), []);
  assert.equal(decodeAttributes(fromHex("0800 0100 00000000 0300 0200")).size, 1);
  assert.equal(decodeAttributes(fromHex("0800 0100 00000000 0900 0200 00000000")).size, 1);
});

Deno.test("attributes that were encoded are decoded the same", () => {
  const value = fc.uint8Array({ maxLength: 20 }).map((bytes) => new Uint8Array(bytes));
  const attributes = fc.uniqueArray(
    fc.record({ type: fc.integer({ min: 0, max: 0x3fff }), value }),
    { selector: ({ type }) => type },
  );
  fc.assert(fc.property(attributes, (attributes) => {
    const decoded = decodeAttributes(encodeAttributes(attributes));
    assert.deepEqual(
      fromEntries(decoded),
      fromEntries(attributes.map(({ type, value }) => [type, value])),
    );
  }));
});

Deno.test("decoders end whatever the bytes are", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
    for (const message of decodeMessages(bytes)) decodeResult(message);
    decodeAttributes(new Uint8Array(bytes));
  }));
});

Deno.test("encodeU32() keeps all 32 bits", () => {
  assert.equal(decodeU32(encodeU32(0xffff_fffe)), 0xffff_fffe);
});

Deno.test("decodeResult() survives an error that claims to repeat four gigabytes of the request", () => {
  const payload = new Uint8Array(20);
  new DataView(payload.buffer).setInt32(0, -1, true);
  payload.fill(0xff, 4, 8);
  const message = { type: NLMSG_ERROR, flags: NLM_F_ACK_TLVS, sequence: 1, payload };
  assert.deepEqual(decodeResult(message), { errno: 1, text: "" });
});
