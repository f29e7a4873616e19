/** Compares the constants and struct layouts of this folder with the C headers of the host. */
import assert from "node:assert/strict";
import * as constants from "./constants.ts";
import * as bpf from "./sockets_filter.ts";
import { errnoName } from "./errno_names.ts";
import * as structs from "./structs.ts";
import { missingTools } from "../../tests/support/root_test.ts";

const HEADERS = `
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <time.h>
#include <linux/fib_rules.h>
#include <linux/filter.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <linux/io_uring.h>
#include <linux/neighbour.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <linux/virtio_net.h>
`;

const ignore = missingTools(["gcc"]).length > 0 || !haveHeader("linux/if_packet.h");

Deno.test({
  name: "every constant has the value that the C headers give it",
  ignore,
  async fn() {
    const expected = { ...constants, ...numbers(bpf) };
    const names = Object.keys(expected);
    const lines = names.map((name) => `printf("${name} %lld\\n", (long long)(${name}));`);
    const actual = Object.fromEntries(await runC(lines));
    assert.deepEqual(actual, expected);
  },
});

Deno.test({
  name: "every struct has the size and the offsets that the C headers give it",
  ignore,
  async fn() {
    const expected = new Map<string, number>();
    const lines: string[] = [];
    const add = (key: string, value: number, expression: string) => {
      expected.set(key, value);
      lines.push(`printf("${key} %lld\\n", (long long)(${expression}));`);
    };
    for (const layout of Object.values(structs)) {
      add(layout.name.replaceAll(" ", "_"), layout.size, `sizeof(${layout.name})`);
      for (const [field, offset] of Object.entries(layout.offsets)) {
        const key = `${layout.name}.${field}`.replaceAll(" ", "_");
        add(key, offset, `offsetof(${layout.name}, ${field})`);
      }
    }
    assert.deepEqual(await runC(lines), expected);
  },
});

Deno.test({
  name: "every errno has the name that the C headers give it",
  ignore,
  async fn() {
    const lines = Array.from({ length: 133 }, (_, i) => errnoName(i + 1))
      .filter((name) => !/^E\d+$/.test(name))
      .map((name) => `printf("${name} %d\\n", ${name});`);
    for (const [name, value] of await runC(lines)) assert.equal(errnoName(value), name);
    assert.ok(lines.length > 120);
  },
});

function haveHeader(path: string): boolean {
  try {
    return Deno.statSync(`/usr/include/${path}`).isFile;
  } catch {
    return false;
  }
}

/** Compiles and runs the statements; they print lines of a name and a number. */
async function runC(statements: string[]): Promise<Map<string, number>> {
  const folder = await Deno.makeTempDir({ prefix: "bypath-layout-" });
  try {
    const source = `${HEADERS}\nint main(void) {\n${statements.join("\n")}\nreturn 0; }\n`;
    await Deno.writeTextFile(`${folder}/a.c`, source);
    await run("gcc", ["-w", "-o", `${folder}/a`, `${folder}/a.c`]);
    const output = await run(`${folder}/a`, []);
    const lines = output.trim().split("\n").map((line) => line.split(" "));
    return new Map(lines.map(([name, value]) => [name!, Number(value)]));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function run(program: string, args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(program, { args }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

/** Those exports of a module that are numbers. */
function numbers(module: object): Record<string, number> {
  return Object.fromEntries(
    Object.entries(module).filter(([, value]) => typeof value === "number"),
  );
}
