/** Where this file stands in the source tree. */
const OWN_PATH = "lib/datapath/worker_url.ts";

/**
 * The address to start a worker from: `workerUrl("lib/nat/packet_worker.ts")`.
 *
 * `path` is the worker's file in the source tree, from the top. The standalone executable holds
 * bundles instead, `lib/nat/packet_worker.js` beside `cli/main.js`, and there an address relative
 * to `import.meta.url` misses: a module may have moved into any of the bundle's files. The one
 * fixed point is the main module.
 */
export function workerUrl(path: string): URL {
  return resolveWorker(path, import.meta.url, Deno.mainModule);
}

/** `workerUrl()` for given addresses of its own module and of the main module. */
export function resolveWorker(path: string, ownUrl: string, mainUrl: string): URL {
  if (ownUrl.endsWith(`/${OWN_PATH}`)) {
    return new URL(path, ownUrl.slice(0, -OWN_PATH.length));
  }
  return new URL(`../${path.replace(/\.ts$/, ".js")}`, mainUrl);
}
