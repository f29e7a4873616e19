/** `inspect top` and `--watch` on a real terminal, with live traffic in the lab. */
import assert from "node:assert/strict";
import { BypathLab } from "../../lab/bypath_lab.ts";
import { waitFor } from "../../lab/wait.ts";
import { selfCommand } from "../../lib/datapath/self_command.ts";
import { rootTest } from "../support/root_test.ts";
import { Terminal } from "./support/tmux.ts";

const NEEDS = {
  capabilities: ["CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_SYS_ADMIN"],
  tools: ["tmux", "stty"],
} as const;

rootTest("inspect top and --watch on a terminal", NEEDS, async (t) => {
  await using lab = await BypathLab.up("terminal");
  await lab.startServers();
  await lab.startNat();
  await lab.startAgents();
  lab.download({ bytes: 1e9, rate: 4e6, verify: "pages" });
  lab.download({ bytes: 1e9, rate: 1e6, verify: "pages" });
  const idle = lab.openSessions(30);
  await idle.waitForLine((line) => line.includes("open"));
  await waitFor("a bypass", async () => (await lab.sessions("--path", "bypass")).length === 2);
  await using terminal = await Terminal.open(lab.folder, { columns: 80, lines: 24 });
  const shell = async (command: string) => {
    await terminal.type(command);
    await terminal.press("Enter");
  };
  const inspect = `${selfCommand().join(" ")} inspect`;
  const socket = `--socket ${lab.socketOf("nat")}`;
  // Short, so that no command wraps.
  await Deno.writeTextFile(`${lab.folder}/i`, `exec ${inspect} "$@" ${socket}\n`);
  const program = `sh ${lab.folder}/i`;
  await shell(`stty -a > ${lab.folder}/before; clear`);
  const isAsBefore = async () => {
    await shell(`clear; stty -a | cmp - ${lab.folder}/before && echo same`);
    await terminal.see(/^same$/m);
    await shell("clear");
  };

  await t.step("top shows the fastest first, with rates by path and the keys", async () => {
    await shell(`${program} top --interval 250ms; echo exit $?`);
    const screen = await terminal.see(/^bypass +[1-9][\d.]*Mbit\/s/m);
    const lines = screen.split("\n");
    assert.equal(lines.length, 24);
    assert.match(lines[0]!, /^bypath nat .* 2 of 2 agents able +every 250ms$/);
    assert.match(lines[23]!, /^q quit {2}p pause .*\? help$/);
    await terminal.see(
      /^CLIENT .*\n.* web .* bypass +[23]\d.*Mbit\/s.*\n.* bypass +[5-9].*Mbit\/s/m,
    );
  });

  await t.step("keys choose view, path and filter, and pause", async () => {
    await terminal.press("2");
    await terminal.see(/^web +10\.0\.0\.11:8080 +\d+ .*able$/m);
    await terminal.press("1", "b", "b");
    await terminal.see(/1-2 of 2 +by rate +path bypass/);
    await terminal.press("Escape");
    await terminal.see(/of 32 +by rate$/m);
    await terminal.press("/");
    await terminal.type("10.0.0.11 web");
    await terminal.see(/^Filter .*: 10\.0\.0\.11 web█$/m);
    await terminal.press("Enter");
    await terminal.see(/^\[1 sessions\].* of 1\d +by rate +filter 10\.0\.0\.11 web$/m);
    await terminal.press("p");
    await terminal.see(/PAUSED/);
    await terminal.press("p", "Escape");
  });

  await t.step("another size is followed", async () => {
    await terminal.resize(120, 12);
    await terminal.see(/^CLIENT .*STATE.*\n(.*\n){4}.*\n\[1 sessions\].* 1-5 of 32/m);
    await terminal.resize(80, 24);
    await terminal.see(/ 1-17 of 32/);
  });

  await t.step("a daemon that is gone is told of, and met again", async () => {
    lab.nat.kill("SIGKILL");
    await terminal.see(/^Cannot reach .*nothing runs there/m);
    await lab.nat.ended;
    await lab.restartNat();
    await terminal.see(/^table \d+ of/m);
  });

  await t.step("the terminal is as it was after q, Ctrl-C and SIGTERM", async () => {
    await terminal.press("q");
    await terminal.see(/exit 0\n/);
    await isAsBefore();
    await shell(`${program} top; echo exit $?`);
    await terminal.see(/^q quit/m);
    await terminal.press("C-c");
    await terminal.see(/exit 0\n/);
    await isAsBefore();
    await shell(`sh -c 'echo $$ > ${lab.folder}/pid; exec ${program} top'; echo exit $?`);
    await terminal.see(/^q quit/m);
    Deno.kill(Number(await Deno.readTextFile(`${lab.folder}/pid`)), "SIGTERM");
    await terminal.see(/exit 0\n/);
    await isAsBefore();
  });

  await t.step("--watch shows a page again and again, with rates and trends", async () => {
    await shell(`${program} sessions --watch 500ms --sort=-rate`);
    const screen = await terminal.see(/^ID +CLIENT.* RATE +TREND\n.*bypass.*Mbit\/s +[▁-█]{3,}/m);
    const rows = screen.split("\n").filter((line) => /bit\/s/.test(line));
    assert.ok(rows.length >= 20 && rows.length <= 22, screen);
    await terminal.press("C-c");
    await isAsBefore();
    await shell(`${program} services --watch 500ms`);
    await terminal.see(/^NAME .* CHANGE +TREND\nweb .* \+0\/s +[▁-█]{2,}/m);
    await terminal.press("C-c");
    await isAsBefore();
  });
});
