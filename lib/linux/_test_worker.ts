/** A thread for the tests of this folder: does what each message asks for, and answers. */
import { lastErrno } from "./error.ts";
import { signalEventFd } from "./event_fd.ts";
import { cString, openLibc } from "./libc.ts";
import { viewAt } from "./memory.ts";

/** What the thread can be asked for. */
export type TestWorkerRequest =
  | { readonly kind: "errnos" }
  | { readonly kind: "increment"; readonly address: bigint }
  | { readonly kind: "signal"; readonly fd: number };

/** Has a new thread do something, and ends it. */
export function askWorker(request: TestWorkerRequest): Promise<unknown> {
  const worker = new Worker(import.meta.url, { type: "module" });
  return new Promise((resolve, reject) => {
    worker.onerror = reject;
    worker.onmessage = ({ data }) => resolve(data);
    worker.postMessage(request);
  }).finally(() => worker.terminate());
}

async function answer(request: TestWorkerRequest): Promise<unknown> {
  switch (request.kind) {
    case "errnos": {
      openLibc().close(-1);
      const first = lastErrno();
      await new Promise((resolve) => setTimeout(resolve, 5));
      openLibc().open(cString("/nowhere/at/all"), 0, 0);
      return [first, lastErrno()];
    }
    case "increment":
      return Atomics.add(new Int32Array(viewAt(request.address, 4)), 0, 1);
    case "signal":
      return signalEventFd(request.fd);
  }
}

if ("WorkerGlobalScope" in globalThis) {
  const scope = globalThis as unknown as Worker;
  scope.onmessage = async ({ data }) => scope.postMessage(await answer(data));
}
