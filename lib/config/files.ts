import { dirname, resolve } from "node:path";
import type { ConfigPath } from "./problem.ts";

/** The path as seen from the configuration file that names it. */
export function besideFile(configPath: string, path: string): string {
  return resolve(dirname(configPath), path);
}

/** A PEM file that a configuration names. */
export interface PemFile {
  /** Where the configuration names it. */
  readonly at: ConfigPath;
  /** Absolute path. */
  readonly path: string;
  /** What must be in it. */
  readonly holds: "certificate" | "private key";
}

/** The paths that both programs name for TLS. */
export interface TlsPaths {
  readonly ca?: string | undefined;
  readonly certificate?: string | undefined;
  readonly key?: string | undefined;
}

/** The PEM files that a configuration names under the keys `ca`, `certificate` and `key` of the object at `at`. */
export function pemFilesOf(configPath: string, at: ConfigPath, paths: TlsPaths = {}): PemFile[] {
  const named = [
    ["ca", "certificate"],
    ["certificate", "certificate"],
    ["key", "private key"],
  ] as const;
  return named.flatMap(([name, holds]) => {
    const path = paths[name];
    return path === undefined
      ? []
      : [{ at: [...at, name], path: besideFile(configPath, path), holds }];
  });
}

// RFC 7468 sections 5, 10 and 11, and the older labels that tools still write.
const LABELS = {
  "certificate": /-----BEGIN CERTIFICATE-----/,
  "private key": /-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----/,
} as const;

/** What is wrong with the file, or null: it cannot be read, or holds something else than it should. */
export function pemFault({ path, holds }: PemFile): string | null {
  let text: string;
  try {
    text = Deno.readTextFileSync(path);
  } catch (error) {
    return cannotRead(path, error);
  }
  return LABELS[holds].test(text) ? null : `"${path}" holds no ${holds} in PEM form`;
}

/** Whether everybody on this host may read the file. False where it cannot be told. */
export function readableByAll(path: string): boolean {
  try {
    return ((Deno.statSync(path).mode ?? 0) & 0o004) !== 0;
  } catch {
    return false;
  }
}

/** `cannot read "x": no such file` */
export function cannotRead(path: string, error: unknown): string {
  const why = error instanceof Deno.errors.NotFound
    ? "no such file"
    : error instanceof Deno.errors.PermissionDenied
    ? "permission denied"
    : error instanceof Deno.errors.IsADirectory || (error as { code?: string }).code === "EISDIR"
    ? "it is a directory"
    : error instanceof TypeError
    ? "it is not UTF-8 text"
    : (error as Error).message;
  return `cannot read "${path}": ${why}`;
}
