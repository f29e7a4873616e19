import assert from "node:assert/strict";
import fc from "fast-check";
import { changeInWords, differences, type Tree, treeOfNat, withChanges } from "./difference.ts";
import { parseNatConfig } from "./nat_config.ts";

const seed = Number(Deno.env.get("SEED") ?? Math.floor(Math.random() * 2 ** 31));

const BASE = `
interfaces: [eth0]
snat: { addresses: [10.0.1.1] }
services:
  - name: web
    vip: 203.0.113.10
    port: 80
    servers: [{ address: 10.0.0.11, port: 8080 }, { address: 10.0.0.12, port: 8080 }]
`;

function tree(text: string) {
  return treeOfNat(parseNatConfig({ file: "/etc/bypath/nat.yaml", text }));
}

function inWords(before: string, after: string): string[] {
  const names = new Map([["tcp 203.0.113.10:80", "web"], ["udp 203.0.113.10:53", "dns"]]);
  return differences(tree(before), tree(after)).map((change) => changeInWords(change, names));
}

/** YAML, changed, and what is said of the change. */
const CASES: readonly [what: string, change: (text: string) => string, words: string[]][] = [
  ["nothing", (text) => text, []],
  ["the order of servers", (text) =>
    text.replace(
      "{ address: 10.0.0.11, port: 8080 }, { address: 10.0.0.12, port: 8080 }",
      "{ address: 10.0.0.12, port: 8080 }, { address: 10.0.0.11, port: 8080 }",
    ), []],
  ["a default spelled out", (text) => text + "    scheduler: maglev\n", []],
  [
    "another server",
    (text) =>
      text.replace(
        "[{ address: 10.0.0.11",
        "[{ address: 10.0.0.13, port: 8080 }, { address: 10.0.0.11",
      ),
    [
      "service web: server 10.0.0.13:8080 added",
    ],
  ],
  ["a server gone", (text) => text.replace(", { address: 10.0.0.12, port: 8080 }", ""), [
    "service web: server 10.0.0.12:8080 removed",
  ]],
  [
    "a weight",
    (text) => text.replace("10.0.0.12, port: 8080", "10.0.0.12, port: 8080, weight: 3"),
    [
      "service web: server 10.0.0.12:8080: weight 1 is now 3",
    ],
  ],
  ["criteria", (text) => text + "    bypass: { start: { bytes: 1MiB } }\n", [
    "service web: bypass.start.bytes 64KiB is now 1MiB",
  ]],
  ["health checks", (text) => text + "    health: { tcp: {}, interval: 5s }\n", [
    "service web: health {tcp true, interval 5s, timeout 1s, rise 2, fall 3} added",
  ]],
  [
    "another service",
    (text) =>
      text +
      "  - { name: dns, vip: 203.0.113.10, port: 53, protocol: udp, servers: [{ address: 10.0.0.11 }] }\n",
    [
      "service dns (udp 203.0.113.10:53) added",
    ],
  ],
  ["a VIP", (text) => text.replace("vip: 203.0.113.10", "vip: 203.0.113.99"), [
    "service web (tcp 203.0.113.10:80) removed",
    "service tcp 203.0.113.99:80 (tcp 203.0.113.99:80) added",
  ]],
  [
    "SNAT addresses and ports",
    (text) =>
      text.replace(
        "{ addresses: [10.0.1.1] }",
        "{ addresses: [10.0.1.1, 10.0.2.0/28], ports: 2000-3000 }",
      ),
    [
      "SNAT addresses 10.0.2.0-10.0.2.15 added",
      "snat.ports 1024-65535 is now 2000-3000",
    ],
  ],
  ["a timeout", (text) => text + "timeouts: { udp: 60s }\n", ["timeouts.udp 5m is now 1m"]],
  ["interfaces", (text) => text.replace("[eth0]", "[eth0, eth1]"), [
    'interfaces ["eth0"] is now ["eth0","eth1"]',
  ]],
];
for (const [what, change, words] of CASES) {
  Deno.test(`the difference of two configurations is told in words: ${what}`, () => {
    assert.deepEqual(inWords(BASE, change(BASE)), words);
  });
}

/** Trees that share names, so that branches and leaves meet; some names that objects have anyway. */
const { tree: anyTree } = fc.letrec((tie) => ({
  tree: fc.dictionary(
    fc.constantFrom("a", "b", "c", "toString", "__proto__"),
    fc.oneof({ depthSize: "small" }, tie("leaf"), tie("tree")),
    { maxKeys: 4, noNullPrototype: true },
  ),
  leaf: fc.oneof(
    fc.constantFrom(0, 1, "x", true, null),
    fc.array(fc.constantFrom(1, 2), { maxLength: 2 }),
  ),
}));
const arbitrary = anyTree as unknown as fc.Arbitrary<Tree>;

Deno.test("the differences of two values, made to the first, give the second", () => {
  console.log(`    seed ${seed}`);
  let changed = 0;
  fc.assert(
    fc.property(arbitrary, arbitrary, (before, after) => {
      const changes = differences(before, after);
      changed += changes.length;
      assert.deepEqual(withChanges(before, changes), after);
    }),
    { seed, numRuns: 2000 },
  );
  assert.ok(changed > 2000, `only ${changed} differences were met`);
});

Deno.test("the same value has no differences, and every difference is one", () => {
  fc.assert(
    fc.property(arbitrary, arbitrary, (before, after) => {
      assert.deepEqual(differences(before, structuredClone(before)), []);
      for (const change of differences(before, after)) {
        assert.notDeepEqual(change.before, change.after);
      }
    }),
    { seed, numRuns: 2000 },
  );
});

Deno.test("each difference concerns its own path: any of them alone changes nothing else", () => {
  fc.assert(
    fc.property(arbitrary, arbitrary, fc.nat(), (before, after, choice) => {
      const changes = differences(before, after);
      if (changes.length === 0) return;
      const one = changes[choice % changes.length]!;
      const rest = differences(withChanges(before, [one]), after);
      assert.deepEqual(
        rest.map(({ path }) => path.join()).sort(),
        changes.filter((it) => it !== one).map(({ path }) => path.join()).sort(),
      );
    }),
    { seed, numRuns: 2000 },
  );
});
