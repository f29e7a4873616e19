import assert from "node:assert/strict";
import { AF_UNIX, MSG_DONTWAIT, SOCK_DGRAM } from "./constants.ts";
import { LinuxError } from "./error.ts";
import { openLibc } from "./libc.ts";
import { bindSocket, openSocket } from "./socket.ts";
import { notify, notifyReloading, notifyWatchdog, watchdogIntervalMs } from "./systemd.ts";

Deno.test("notify() does nothing when nobody asked", () => {
  withEnvironment({ NOTIFY_SOCKET: undefined }, () => assert.equal(notify("READY=1"), false));
});

Deno.test("notify() sends its lines as one datagram to a path", () => {
  const folder = Deno.makeTempDirSync({ prefix: "bypath-notify-" });
  try {
    checkNotify(`${folder}/notify`, `${folder}/notify\0`);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

Deno.test("notify() sends to an abstract address as well", () => {
  const name = `bypath-test-${Deno.pid}`;
  checkNotify(`@${name}`, `\0${name}`);
});

Deno.test("notify() says when the message does not get there", () => {
  withEnvironment({ NOTIFY_SOCKET: "/nowhere/notify" }, () => {
    assert.throws(() => notify("READY=1"), (error: unknown) => {
      assert.ok(error instanceof LinuxError);
      assert.equal(error.message, 'Cannot notify "/nowhere/notify": no such file or directory');
      return true;
    });
  });
  withEnvironment({ NOTIFY_SOCKET: "vsock:2:1" }, () => {
    assert.throws(() => notify("READY=1"), TypeError);
  });
});

Deno.test("notifyWatchdog() waits for nobody", () => {
  const name = `bypath-deaf-${Deno.pid}`;
  using socket = openSocket({ domain: AF_UNIX, type: SOCK_DGRAM, label: "test socket" });
  const bytes = new TextEncoder().encode(`\0${name}`);
  const address = new Uint8Array(2 + bytes.length);
  address[0] = AF_UNIX;
  address.set(bytes, 2);
  bindSocket(socket, address, { action: "bind a test socket" });
  withEnvironment({ NOTIFY_SOCKET: `@${name}` }, () => {
    let told = 0;
    while (notifyWatchdog()) assert.ok(++told < 100_000);
    assert.ok(told > 0);
  });
});

Deno.test("watchdogIntervalMs() is half the limit, when it is meant for this process", () => {
  const interval = (usec: string | undefined, pid: string | undefined) => {
    let value: number | undefined;
    withEnvironment({ WATCHDOG_USEC: usec, WATCHDOG_PID: pid }, () => value = watchdogIntervalMs());
    return value;
  };
  assert.equal(interval("30000000", undefined), 15_000);
  assert.equal(interval("30000000", String(Deno.pid)), 15_000);
  assert.equal(interval("30000000", "1"), undefined);
  assert.equal(interval(undefined, undefined), undefined);
  assert.equal(interval("nonsense", undefined), undefined);
});

function checkNotify(notifySocket: string, boundName: string): void {
  using socket = openSocket({ domain: AF_UNIX, type: SOCK_DGRAM, label: "test socket" });
  const name = new TextEncoder().encode(boundName);
  const address = new Uint8Array(2 + name.length);
  address[0] = AF_UNIX;
  address.set(name, 2);
  bindSocket(socket, address, { action: "bind a test socket" });
  const receive = () => {
    const buffer = new Uint8Array(200);
    const length = openLibc().recv(socket.number, buffer, 200n, MSG_DONTWAIT);
    return new TextDecoder().decode(buffer.subarray(0, length));
  };
  withEnvironment({ NOTIFY_SOCKET: notifySocket }, () => {
    assert.equal(notify("READY=1", "STATUS=ready"), true);
    assert.equal(receive(), "READY=1\nSTATUS=ready\n");
    assert.equal(notifyReloading(), true);
    assert.match(receive(), /^RELOADING=1\nMONOTONIC_USEC=\d+\n$/);
  });
}

function withEnvironment(
  values: Readonly<Record<string, string | undefined>>,
  fn: () => void,
): void {
  const before = Object.keys(values).map((name) => [name, Deno.env.get(name)] as const);
  set(Object.entries(values));
  try {
    fn();
  } finally {
    set(before);
  }
}

function set(entries: readonly (readonly [string, string | undefined])[]): void {
  for (const [name, value] of entries) {
    if (value === undefined) Deno.env.delete(name);
    else Deno.env.set(name, value);
  }
}
