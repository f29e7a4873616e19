import { lastErrno, LinuxError } from "./error.ts";
import { openFile } from "./fd.ts";

const CLONE_NEWNET = 0x40000000;

const SYMBOLS = {
  // int unshare(int flags);
  unshare: { parameters: ["i32"], result: "i32" },
  // int setns(int fd, int type);
  setns: { parameters: ["i32", "i32"], result: "i32" },
} as const;

/**
 * Runs `fn` while this thread is in a new, empty network namespace.
 *
 * Sockets that this thread opens through FFI and programs that it starts belong to that namespace;
 * it disappears with the last of them, whatever happens. Sockets of `Deno.connect` and the like
 * need not belong to it.
 *
 * Throws LinuxError; needs CAP_SYS_ADMIN.
 */
export async function inNetworkNamespace(fn: () => void | Promise<void>): Promise<void> {
  using home = openFile("/proc/thread-self/ns/net", 0);
  const library = Deno.dlopen("libc.so.6", SYMBOLS);
  try {
    const result = library.symbols.unshare(CLONE_NEWNET);
    const errno = lastErrno();
    if (result < 0) {
      const options = { call: "unshare", needs: "CAP_SYS_ADMIN" };
      throw new LinuxError("make a network namespace", errno, options);
    }
    try {
      await fn();
    } finally {
      library.symbols.setns(home.number, CLONE_NEWNET);
    }
  } finally {
    library.close();
  }
}
