import assert from "node:assert/strict";
import { rootTest, type RootTestOptions } from "../tests/support/root_test.ts";
import { mustRunHost, runHost } from "./host_command.ts";
import { Lab } from "./lab.ts";
import { readRecord } from "./lab_record.ts";
import { identityOf, isAlive } from "./process_identity.ts";
import { labDown, LabError, labUp, sweepLabs } from "./namespace.ts";

const privileges: RootTestOptions = { capabilities: ["CAP_NET_ADMIN", "CAP_SYS_ADMIN"] };

async function namespaces(): Promise<string[]> {
  const text = await mustRunHost(["ip", "netns", "list"]);
  return text.split("\n").filter(Boolean).map((line) => line.split(" ")[0] as string).toSorted();
}

/** A name that no other test run uses at the same time. */
function uniqueName(word: string): string {
  return `${word}-${Deno.pid}`;
}

rootTest("Lab.up() joins all machines, and disposal leaves nothing", privileges, async () => {
  const before = await namespaces();
  const name = uniqueName("join");
  {
    await using lab = await Lab.up(name);
    assert.equal((await namespaces()).filter((each) => each.startsWith(name)).length, 6);
    const server = lab.start("s1", [Deno.execPath(), "eval", listenOnce("10.0.0.11", "hello")]);
    await server.waitForLine((line) => line === "listening");
    const answer = await lab.mustRun("client", [Deno.execPath(), "eval", readAll("10.0.0.11")]);
    assert.equal(answer.trim(), "hello");
  }
  assert.deepEqual(
    (await namespaces()).filter((each) => each.startsWith(name)),
    before.filter((each) => each.startsWith(name)),
  );
  assert.equal(await readRecord(name), null);
});

rootTest(
  "labUp() refuses a name in use, and one whose namespaces are not its own",
  privileges,
  async () => {
    const name = uniqueName("twice");
    await labUp(name, { owner: "nobody" });
    try {
      await assert.rejects(labUp(name, { owner: "nobody" }), LabError);
    } finally {
      assert.equal(await labDown(name), true);
    }
    assert.equal(await labDown(name), false);

    await mustRunHost(["ip", "netns", "add", `${name}-nat`]);
    try {
      await assert.rejects(labUp(name, { owner: "nobody" }), /a network namespace .* exists/);
      assert.deepEqual((await namespaces()).filter((each) => each.startsWith(name)), [
        `${name}-nat`,
      ]);
    } finally {
      await mustRunHost(["ip", "netns", "delete", `${name}-nat`]);
    }
  },
);

rootTest(
  "the next start removes the lab of a killed owner with its processes, and nothing else",
  privileges,
  async () => {
    const dead = uniqueName("dead");
    const stranger = uniqueName("stranger");
    await mustRunHost(["ip", "netns", "add", stranger]);
    const outsider = new Deno.Command("ip", {
      args: ["netns", "exec", stranger, "sleep", "1000"],
    }).spawn();
    const outsiderIdentity = identityOf(outsider.pid);
    const owner = new Deno.Command(Deno.execPath(), {
      args: [
        "eval",
        `
        import { Lab } from "${new URL("./lab.ts", import.meta.url)}";
        const lab = await Lab.up("${dead}");
        const sleeper = lab.start("s1", ["sleep", "1000"]);
        console.log(sleeper.pid);
        await sleeper.ended;
      `,
      ],
      stdout: "piped",
    }).spawn();
    try {
      const reader = owner.stdout.getReader();
      const sleeper = identityOf(Number(new TextDecoder().decode((await reader.read()).value)));
      owner.kill("SIGKILL");
      await owner.status;
      await reader.cancel();
      assert.equal(
        (await runHost(["ip", "netns", "pids", `${dead}-s1`])).stdout.trim(),
        `${sleeper.pid}`,
      );

      assert.ok((await sweepLabs()).includes(dead));
      assert.deepEqual((await namespaces()).filter((each) => each.startsWith(dead)), []);
      assert.equal(isAlive(sleeper), false);
      assert.ok(isAlive(outsiderIdentity));
      assert.ok((await namespaces()).includes(stranger));
    } finally {
      outsider.kill("SIGKILL");
      await outsider.status;
      await mustRunHost(["ip", "netns", "delete", stranger]);
    }
  },
);

function listenOnce(address: string, words: string): string {
  return `
    const listener = Deno.listen({ hostname: "${address}", port: 8080 });
    console.log("listening");
    const connection = await listener.accept();
    await connection.write(new TextEncoder().encode("${words}"));
    connection.close();
  `;
}

function readAll(address: string): string {
  return `
    const connection = await Deno.connect({ hostname: "${address}", port: 8080 });
    console.log(await new Response(connection.readable).text());
  `;
}
