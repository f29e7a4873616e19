import assert from "node:assert/strict";
import { rootTest } from "../tests/support/root_test.ts";
import { BypathLab } from "./bypath_lab.ts";
import { checkHostsAsBefore, readSettledHostStates } from "./leftovers.ts";
import { Report } from "./report.ts";
import type { NodeName } from "./topology.ts";

const PRIVILEGES = { capabilities: ["CAP_NET_ADMIN", "CAP_SYS_ADMIN"] } as const;

/** What a daemon could leave, how it is made and undone, and by what word it is found. */
const LEFT: readonly { node: NodeName; make: string; undo: string; finds: RegExp }[] = [
  {
    node: "s1",
    make: "ip route add 10.9.9.0/24 via 10.0.0.254",
    undo: "ip route del 10.9.9.0/24",
    finds: /s1 has "10\.9\.9\.0\/24/,
  },
  {
    node: "s2",
    make: "ip -6 rule add from 2001:db8::/32 table 77",
    undo: "ip -6 rule del from 2001:db8::/32 table 77",
    finds: /s2 has ".*lookup 77/,
  },
  {
    node: "nat",
    make: "echo 1 > /proc/sys/net/ipv4/conf/eth0/rp_filter",
    undo: "echo 0 > /proc/sys/net/ipv4/conf/eth0/rp_filter",
    finds: /nat has "\/proc\/sys\/net\/ipv4\/conf\/eth0\/rp_filter:1"/,
  },
  {
    node: "nat",
    make: "ip link set dev eth1 promisc on",
    undo: "ip link set dev eth1 promisc off",
    finds: /eth1.*PROMISC/,
  },
  {
    node: "s1",
    make: "ip link del eth0",
    undo: "true",
    finds: /s1 lacks ".*eth0/,
  },
];

rootTest("checkHostsAsBefore() finds what is new, changed and gone", PRIVILEGES, async () => {
  await using lab = await BypathLab.up(`left-${Deno.pid}`);
  const before = await readSettledHostStates(lab);
  for (const { node, make, undo, finds } of LEFT) {
    const clean = new Report({ silent: true });
    await checkHostsAsBefore(lab, clean, before);
    assert.deepEqual(clean.checks.filter((check) => !check.holds), []);
    await lab.lab.mustRun(node, ["sh", "-c", make]);
    const report = new Report({ silent: true });
    await checkHostsAsBefore(lab, report, before);
    assert.match(report.checks[0]?.found ?? "nothing", finds);
    await lab.lab.mustRun(node, ["sh", "-c", undo]);
  }
});

rootTest("checkHostsAsBefore() finds a process and a socket that stayed", PRIVILEGES, async () => {
  await using lab = await BypathLab.up(`left-p-${Deno.pid}`);
  const before = await readSettledHostStates(lab);
  await using _sleeper = lab.lab.start("s2", ["sleep", "60"]);
  await Deno.writeTextFile(`${lab.folder}/nat.sock`, "");
  const report = new Report({ silent: true });
  await checkHostsAsBefore(lab, report, before);
  const found = report.checks[0]?.found ?? "";
  assert.match(found, /s2 has "process .*sleep 60"/);
  assert.match(found, /nat\.sock/);
});
