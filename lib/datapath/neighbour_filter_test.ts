import assert from "node:assert/strict";
import fc from "fast-check";
import { IpAddress } from "../wire/address.ts";
import { buildArpAnnouncement } from "../wire/arp.ts";
import { buildNeighbourAnnouncement } from "../wire/neighbour_discovery.ts";
import { parsePrefix } from "../wire/prefix.ts";
import { run } from "./_test_filter.ts";
import { arpFrame, solicitationFrame } from "./_test_frames.ts";
import { arpFilter, neighbourDiscoveryFilter } from "./neighbour_filter.ts";

const MAC = "02:00:00:00:00:02";
const PREFIXES = ["203.0.113.10", "10.0.1.0/24", "2001:db8:f::10", "2001:db8:1::/64"].map(
  parsePrefix,
);
const MANY = Array.from({ length: 3000 }, (_, i) => parsePrefix(`10.${i >> 8}.${i & 255}.1`));
const MANY6 = Array.from({ length: 3000 }, (_, i) => parsePrefix(`2001:db8:${i.toString(16)}::1`));

Deno.test("arpFilter() takes the messages about the addresses and from them, no others", () => {
  const filter = arpFilter(PREFIXES);
  const takes = (from: string, about: string) =>
    run(filter, arpFrame({ mac: MAC, from, about })) > 0;
  assert.ok(takes("203.0.113.1", "203.0.113.10"));
  assert.ok(takes("203.0.113.1", "10.0.1.200"));
  assert.ok(takes("203.0.113.10", "203.0.113.1"));
  assert.ok(!takes("203.0.113.1", "203.0.113.11"));
  assert.ok(!takes("203.0.113.1", "10.0.2.200"));
  assert.ok(run(filter, buildArpAnnouncement(IpAddress.parse("10.0.1.1"), new Uint8Array(6))) > 0);
});

Deno.test("neighbourDiscoveryFilter() takes the messages about the addresses and from them, no others", () => {
  const filter = neighbourDiscoveryFilter(PREFIXES);
  const takes = (from: string, about: string) =>
    run(filter, solicitationFrame({ mac: MAC, from, about })) > 0;
  assert.ok(takes("2001:db8:f::1", "2001:db8:f::10"));
  assert.ok(takes("2001:db8:f::1", "2001:db8:1::abcd"));
  assert.ok(takes("2001:db8:f::10", "2001:db8:f::1"));
  assert.ok(!takes("2001:db8:f::1", "2001:db8:f::11"));
  assert.ok(!takes("2001:db8:f::1", "2001:db8:1:1::abcd"));
  const target = IpAddress.parse("2001:db8:f::10");
  const advertisement = buildNeighbourAnnouncement(target, new Uint8Array(6));
  assert.ok(run(filter, advertisement) > 0);
  const question = solicitationFrame({ mac: MAC, from: "2001:db8:f::1", about: "2001:db8:f::10" });
  // An echo request, and TCP, to the same effect.
  assert.equal(run(filter, question.with(54, 128)), 0);
  assert.equal(run(filter, question.with(20, 6)), 0);
});

Deno.test("without addresses of a family nothing of it is taken, with too many everything", () => {
  const arp = arpFrame({ mac: MAC, from: "192.0.2.1", about: "192.0.2.2" });
  const solicitation = solicitationFrame({ mac: MAC, from: "fe80::1", about: "fe80::2" });
  assert.equal(run(arpFilter(MANY6), arp), 0);
  assert.equal(run(neighbourDiscoveryFilter(MANY), solicitation), 0);
  assert.ok(run(arpFilter(MANY), arp) > 0);
  assert.ok(run(neighbourDiscoveryFilter(MANY6), solicitation) > 0);
  assert.equal(run(neighbourDiscoveryFilter(MANY6), solicitation.with(54, 128)), 0);
});

Deno.test("the filters end for any bytes", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 100 }), (frame) => {
    run(arpFilter(PREFIXES), frame);
    run(neighbourDiscoveryFilter(PREFIXES), frame);
  }));
});
