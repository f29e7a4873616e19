import assert from "node:assert/strict";
import { planLab } from "./plan.ts";
import { TOPOLOGY } from "./topology.ts";

Deno.test("planLab() names every namespace after the lab", () => {
  const plan = planLab("trial", TOPOLOGY);
  assert.deepEqual(plan.namespaces, [
    "trial-client",
    "trial-router",
    "trial-switch",
    "trial-nat",
    "trial-s1",
    "trial-s2",
  ]);
});

Deno.test("planLab() creates both ends of each link inside namespaces, never on the host", () => {
  const plan = planLab("trial", TOPOLOGY);
  assert.equal(plan.links.length, TOPOLOGY.links.length);
  for (const line of plan.links) {
    assert.match(
      line,
      /^link add name \w+ netns trial-\w+ type veth peer name \w+ netns trial-\w+$/,
    );
  }
});

Deno.test("planLab() lets only the router forward", () => {
  const forwarding = planLab("trial", TOPOLOGY).nodes
    .filter((node) =>
      node.settings.some(([path, value]) => path.endsWith("forward") && value === "1")
    )
    .map((node) => node.node);
  assert.deepEqual(forwarding, ["router"]);
});

Deno.test("every link end of the topology is an interface of its node, and each is linked once", () => {
  const ends = TOPOLOGY.links.flatMap((link) =>
    link.ends.map((end) => `${end.node}/${end.device}`)
  );
  const interfaces = TOPOLOGY.nodes
    .flatMap((node) => node.interfaces.map((each) => `${node.name}/${each.device}`));
  assert.deepEqual(ends.toSorted(), interfaces.toSorted());
});

Deno.test("planLab() leaves out the IPv6 addresses and routes on a kernel without IPv6", () => {
  const commands = (ipv6: boolean) =>
    planLab("trial", TOPOLOGY, { ipv6 }).nodes.flatMap((node) => node.commands);
  assert.ok(commands(true).some((command) => command.includes("2001:db8:")));
  assert.ok(!commands(false).some((command) => command.includes(":")));
  assert.ok(commands(false).includes("route add default via 10.0.0.254"));
});
