import assert from "node:assert/strict";
import type { PictureForm } from "./topology_measures.ts";
import { type TopologyPicture, topologyPicture, type TopologyServer } from "./topology_picture.ts";

const SERVER: TopologyServer = {
  name: "10.0.0.11:8080",
  state: "up, agent able",
  isWell: true,
  viaNat: 0,
  viaBypass: 0,
};

function draw(
  servers: readonly TopologyServer[],
  change: Partial<TopologyPicture> = {},
  form: PictureForm = "wide",
): string {
  return topologyPicture({
    clients: { name: "Clients", detail: "2 sessions" },
    nat: { name: "NAT machine", detail: "ready", isWell: true },
    servers,
    others: null,
    requests: 10,
    fullRate: 100,
    rate: (bytes) => `${bytes} B/s`,
    title: "Topology",
    ...change,
  }, form).text;
}

function widths(svg: string, path: string): number[] {
  return [
    ...svg.matchAll(new RegExp(`<path class="flow ${path}[^"]*" stroke-width="([^"]*)"`, "g")),
  ]
    .map(([, width]) => Number(width));
}

Deno.test("topologyPicture(): a line is as wide as the root of its rate, up to a bound", () => {
  const rates = [0, 25, 100, 1000].map((viaBypass) => ({ ...SERVER, viaBypass }));
  assert.deepEqual(widths(draw(rates), "bypass"), [1, 8.8, 16, 16]);
  // One line a server, and one from the NAT machine to the clients.
  assert.deepEqual(widths(draw(rates), "nat"), [1, 1, 1, 1, 1]);
});

Deno.test("topologyPicture() says the rates in words, and what is not well", () => {
  const ill = { ...SERVER, viaNat: 7, state: "down: refused <it>", isWell: false };
  const svg = draw([ill, { ...SERVER, viaBypass: 5 }], { others: "and 3 more" });
  assert.match(svg, />7 B\/s</);
  assert.match(svg, />5 B\/s</);
  assert.match(svg, /class="machine server ill"/);
  assert.match(svg, /down: refused &lt;it&gt;/);
  assert.match(svg, />and 3 more</);
});

Deno.test("topologyPicture() can be drawn without a server and without a rate", () => {
  assert.doesNotMatch(draw([], { fullRate: 0, requests: 0 }), /NaN|undefined|Infinity/);
});

for (const form of ["wide", "narrow"] as const) {
  Deno.test(`topologyPicture() has the NAT machine between clients and servers, ${form}`, () => {
    const boxes = [
      ...draw([SERVER], {}, form).matchAll(/<rect x="([^"]*)" y="[^"]*" width="([^"]*)"/g),
    ]
      .map(([, x, width]) => ({ left: Number(x), right: Number(x) + Number(width) }));
    const [client, nat, server] = boxes;
    assert.ok(client!.right < nat!.left && nat!.right < server!.left, JSON.stringify(boxes));
  });
}
