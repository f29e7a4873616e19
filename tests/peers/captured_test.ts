/**
 * `inspect capture` in a lab: a download that is switched to the bypass and back in its middle, as the
 * NAT machine and an agent saw it. tshark reads the files, finds no error in them, and counts as many
 * packets as the sessions did.
 */
import assert from "node:assert/strict";
import type { BypathLab } from "../../lab/bypath_lab.ts";
import { mustRunHost } from "../../lab/host_command.ts";
import type { InspectedSession } from "../../lab/inspect_json.ts";
import { HTTP_PORT } from "../../lab/lab_files.ts";
import type { LabProcess } from "../../lab/lab_process.ts";
import { ADDRESSES } from "../../lab/topology.ts";
import { waitFor } from "../../lab/wait.ts";
import { rootTest } from "../support/root_test.ts";
import { serviceOf, sharedLab } from "./support/peer_lab.ts";
import { count, judge } from "./support/tshark.ts";

const FILE_BYTES = 4_000_000;

const lab = sharedLab(async (lab) => {
  await lab.startServers();
  await lab.startNat((config) => {
    config.services = [
      serviceOf({ name: "web", port: 80, serverPort: HTTP_PORT, bypass: { bytes: "64KiB" } }),
    ];
  });
  await lab.startAgent("s1");
});

/** `bypath inspect capture ARGS…`, once it captures. */
async function capture(
  bypath: BypathLab,
  at: "nat" | "s1",
  ...args: string[]
): Promise<LabProcess> {
  const command = ["inspect", "capture", ...args, "--socket", bypath.socketOf(at)];
  const process = bypath.startSelf(at, command);
  await process.waitForLine((line) => line.startsWith("Capturing at"), { stream: "stderr" });
  return process;
}

/** Ends a capture as a person does, and returns its last words. */
async function interrupt(process: LabProcess): Promise<string> {
  process.kill("SIGINT");
  await process.finish();
  return process.stderr.lines.at(-1)!;
}

async function runningCaptures(bypath: BypathLab, at: "nat" | "s1"): Promise<number> {
  return (await bypath.ask<{ captures: number }>("status", at)).captures;
}

/** The session once it is closed and nothing of it is on its way any more. */
async function lastLookAt(bypath: BypathLab): Promise<InspectedSession> {
  let before = "";
  return await waitFor("the session to be over", async () => {
    const [session] = await bypath.inspect<InspectedSession[]>("nat", "sessions");
    const packets = JSON.stringify(session?.packets);
    const isSame = packets === before;
    before = packets;
    return session?.state === "closed" && isSame && session;
  });
}

async function fields(file: string, filter: string, field: string): Promise<string[]> {
  const command = ["tshark", "-n", "-r", file, "-Y", filter, "-T", "fields", "-e", field];
  return (await mustRunHost(command)).split("\n").slice(0, -1);
}

rootTest("a download with a switch in its middle is in the file, packet by packet", {
  tools: ["tshark"],
}, async (context) => {
  const bypath = await lab();
  const file = `${bypath.folder}/all.pcapng`;
  const whole = `${bypath.folder}/whole.pcapng`;
  const captures = [
    await capture(bypath, "nat", "--at", "all", "service", "web", "-w", file),
    await capture(bypath, "nat", "service web", "--snaplen", "0", "-w", whole),
  ];
  const download = bypath.download({ bytes: FILE_BYTES, rate: 250_000, progressMs: 50 });
  const session = await waitFor("the session to bypass", async () => {
    const [found] = await bypath.inspect<InspectedSession[]>("nat", "sessions");
    return found?.path === "bypass" && found.packets.viaBypass > 0 && found;
  });
  await bypath.runSelf("nat", [
    ...["nat", "bypass", "stop", "--session", session.id, "--socket", bypath.socketOf("nat")],
  ]);
  const result = await download.finish();
  assert.ok(result.ok, JSON.stringify(result));
  const { packets } = await lastLookAt(bypath);
  const words = await Promise.all(captures.map(interrupt));
  for (const line of words) assert.match(line, /packets written; .*, 0 lost/);

  const ofSession = `frame.comment contains "session ${session.id};"`;
  const counted = async (link: string, more = "") =>
    await count(file, `${ofSession} && frame.interface_name == "${link}"${more}`);
  await context.step("every packet is there, before and after", async () => {
    const arrived = packets.fromClient + packets.viaNat;
    const [first, second] = await Promise.all(
      ["eth0", "eth1"].map(async (name) => ({
        in: await counted(`nat ${name} in`),
        out: await counted(`nat ${name} out`),
      })),
    );
    assert.equal(first!.in + second!.in, arrived, JSON.stringify({ first, second, packets }));
    assert.equal(first!.out + second!.out, arrived);
    assert.ok(packets.viaBypass > 0 && packets.viaNat > 0);
    assert.equal(
      await counted("s1 eth0 out", ' && frame.comment contains "path bypass"'),
      packets.viaBypass,
    );
  });
  await context.step("comments tell before from after, the path and the service", async () => {
    const comments = await fields(file, ofSession, "frame.comment");
    for (const comment of comments) {
      assert.match(
        comment,
        /^(before|after) translation; packet \d+; session [^;]+; service web; path (nat|bypass)/,
      );
    }
    const names = new Set(await fields(file, "frame", "frame.interface_name"));
    assert.ok([...names].some((name) => /^s1 bypath\d+ in$/.test(name)), [...names].join());
  });
  await context.step(
    "tshark finds no error, and in whole packets every checksum right",
    async () => {
      assert.deepEqual((await judge(file)).complaints, []);
      const { complaints, good, packets } = await judge(whole);
      assert.deepEqual(complaints, []);
      assert.equal(good.tcp, packets);
      // The response's body was captured to its end.
      assert.ok(await count(whole, "frame.cap_len == frame.len") === packets);
    },
  );
});

rootTest("what is dropped is shown with its reason, as lines, as JSON and by its filter", {
  tools: ["curl"],
}, async () => {
  const bypath = await lab();
  const lines = await capture(bypath, "nat", "--dropped", "noService", "--count", "1");
  const json = await capture(bypath, "nat", "dropped noService or own", "--count", "2", "--json");
  const url = `http://${ADDRESSES.vip}:9/`;
  const { code } = await bypath.lab.run("client", ["curl", "-sS", "--max-time", "5", url]);
  assert.notEqual(code, 0);
  const [line] = await lines.finish();
  assert.match(
    line!,
    /nat eth\d in .*tcp \S+ > 203\.0\.113\.10:9 \[S\] .*before translation, .*dropped: noService/,
  );
  const [dropped, reset] = (await json.finish()).map((line) => JSON.parse(line));
  assert.deepEqual(
    [dropped.dropped, dropped.direction, dropped.packet.flags, dropped.session],
    ["noService", "in", "S", null],
  );
  assert.deepEqual([reset.own, reset.direction, reset.packet.flags], [true, "out", "R."]);
});

rootTest("a capture ends with its reader, with its time, and by way of an agent's own socket", {
  tools: [],
}, async (context) => {
  const bypath = await lab();
  await context.step("kill -9 of the reader ends it, here and at the agent", async () => {
    const killed = await capture(bypath, "nat", "--at", "all");
    assert.deepEqual(
      [await runningCaptures(bypath, "nat"), await runningCaptures(bypath, "s1")],
      [1, 1],
    );
    killed.kill("SIGKILL");
    await waitFor(
      "both to end",
      async () =>
        await runningCaptures(bypath, "nat") === 0 && await runningCaptures(bypath, "s1") === 0,
    );
  });
  await context.step("its time is over", async () => {
    const timed = await capture(bypath, "s1", "--seconds", "0.2");
    await timed.finish();
    assert.equal(await runningCaptures(bypath, "s1"), 0);
  });
  await context.step("wrong usage is told and touches nothing", async () => {
    const file = `${bypath.folder}/never.pcapng`;
    for (
      const [args, why] of [
        [["servce", "web"], /"servce" is no test/],
        [["service", "wbe"], /There is no service "wbe": there are web/],
        [
          ["--at", "agent s9"],
          /Cannot capture at "agent s9": there are nat, all and the agents s1/,
        ],
        [["--path", "direct"], /choices/],
        [["--snaplen", "7"], /whole number from 64/],
      ] as const
    ) {
      const socket = ["--socket", bypath.socketOf("nat")];
      const { code, stderr } = await bypath.runSelf("nat", [
        ...["inspect", "capture", ...args, "-w", file, ...socket],
      ]);
      assert.equal(code, 2, stderr);
      assert.match(stderr, why);
    }
    await assert.rejects(Deno.stat(file), Deno.errors.NotFound);
  });
});
