import assert from "node:assert/strict";
import { DescriptorInbox, passDescriptors } from "./descriptor_passing.ts";
import { drainEventFd, openEventFd } from "./event_fd.ts";
import { Fd, openFile } from "./fd.ts";

Deno.test("open files that are passed are the same files, and come with their words", async () => {
  const folder = await Deno.makeTempDir({ prefix: "bypath-pass-" });
  const before = Fd.open.length;
  {
    using inbox = new DescriptorInbox(`${folder}/inbox`);
    assert.equal((await Deno.stat(inbox.path)).mode! & 0o777, 0o600);
    using bell = openEventFd();
    using file = openFile("/dev/null", 0);
    const descriptors = [bell.fd.number, file.number];
    passDescriptors(inbox.path, { text: "a bell and nothing", descriptors });
    const received = await inbox.receive(1000);
    assert.equal(received.text, "a bell and nothing");
    assert.equal(received.descriptors.length, 2);
    bell.signal();
    assert.ok(drainEventFd(received.descriptors[0]!.number), "the other end of the same eventfd");
    assert.equal(
      await Deno.readLink(`/proc/self/fd/${received.descriptors[1]!.number}`),
      "/dev/null",
    );
    for (const fd of received.descriptors) fd.close();
  }
  assert.equal(Fd.open.length, before);
  assert.deepEqual([...Deno.readDirSync(folder)], [], "the inbox is gone");
  await Deno.remove(folder);
});

Deno.test("an inbox that gets nothing says so, and nobody can pass to where none is", async () => {
  const path = `/tmp/bypath-pass-${crypto.randomUUID()}`;
  using inbox = new DescriptorInbox(path);
  await assert.rejects(inbox.receive(10), { message: "Nothing was handed over within 10 ms" });
  assert.throws(
    () => passDescriptors(`${path}-not`, { text: "", descriptors: [1] }),
    /ENOENT|no such file/i,
  );
});
