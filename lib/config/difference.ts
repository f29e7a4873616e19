/**
 * Two configurations compared as values: what is in one and not in the other, by name and not by place. Pure.
 *
 * A configuration becomes a tree of named values, in which a service goes by its protocol and VIP, a server by its
 * endpoint and a range of SNAT addresses by its text. Where one side lacks a branch, that branch is the difference; a
 * list of plain values is compared as a whole.
 *
 * @module
 */

import { plainNatConfig } from "./describe.ts";
import type { NatConfig } from "./nat_config.ts";
import { formatDurationMs, formatSizeBytes } from "./units.ts";

/** A leaf is anything that is no object, or a list. */
export type Tree = { readonly [name: string]: Tree | Leaf };
export type Leaf = string | number | boolean | null | readonly unknown[];

/** One difference, at the end of a path of names. `undefined`: not there. */
export interface Change {
  readonly path: readonly string[];
  readonly before: Tree | Leaf | undefined;
  readonly after: Tree | Leaf | undefined;
}

/** What turns `before` into `after`; empty when they are the same. */
export function differences(before: Tree, after: Tree, path: readonly string[] = []): Change[] {
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...names].flatMap((name) => {
    const [a, b] = [valueOf(before, name), valueOf(after, name)];
    const here = [...path, name];
    if (isTree(a) && isTree(b)) return differences(a, b, here);
    return JSON.stringify(a) === JSON.stringify(b) ? [] : [{ path: here, before: a, after: b }];
  });
}

/** `tree` with these changes made to it. */
export function withChanges(tree: Tree, changes: readonly Change[]): Tree {
  const result: Record<string, Tree | Leaf> = { ...tree };
  for (const { path: [name, ...rest], after } of changes) {
    if (name === undefined) continue;
    const inside = valueOf(result, name);
    const value = rest.length === 0
      ? after
      : withChanges(isTree(inside) ? inside : {}, [{ path: rest, before: undefined, after }]);
    if (value === undefined) delete result[name];
    else Object.defineProperty(result, name, { value, enumerable: true, configurable: true });
  }
  return result;
}

/** A configuration as such a tree. */
export function treeOfNat(config: NatConfig): Tree {
  const { services, snat, ...rest } = plainNatConfig(config);
  return withoutUndefined({
    ...rest,
    snat: {
      addresses: Object.fromEntries(snat.addresses.map((range) => [range, true])),
      ports: `${snat.portFirst}-${snat.portLast}`,
    },
    services: Object.fromEntries(services.map(({ protocol, vip, servers, ...service }) => [
      `${protocol} ${vip}`,
      {
        ...service,
        servers: Object.fromEntries(servers.map(({ address, ...server }) => [address, server])),
      },
    ])),
  }) as Tree;
}

/**
 * A change in words: `service web: server 10.0.0.13:8080 added`.
 * @param names the name of a service by its protocol and VIP
 */
export function changeInWords(change: Change, names: ReadonlyMap<string, string>): string {
  const { path, before, after } = change;
  const [top, key = "", ...inside] = path;
  if (top === "services") {
    const service = `service ${names.get(key) ?? key}`;
    if (inside.length === 0) return `${service} (${key}) ${addedOrRemoved(change)}`;
    const [part, server = "", ...rest] = inside;
    if (part !== "servers") return `${service}: ${valueInWords(inside, before, after)}`;
    if (rest.length === 0) return `${service}: server ${server} ${addedOrRemoved(change)}`;
    return `${service}: server ${server}: ${valueInWords(rest, before, after)}`;
  }
  if (top === "snat" && key === "addresses") {
    return `SNAT addresses ${inside[0]} ${addedOrRemoved(change)}`;
  }
  return valueInWords(path, before, after);
}

function addedOrRemoved({ before }: Change): string {
  return before === undefined ? "added" : "removed";
}

function valueInWords(
  path: readonly string[],
  before: Change["before"],
  after: Change["after"],
): string {
  const unit = path.at(-1)!;
  const key = path.map((name) => name.replace(/(Ms|Us|Bytes)$/, "")).join(".");
  const text = (value: Change["before"]) => leafInWords(value, unit);
  if (isAbsent(before)) return `${key} ${text(after)} added`;
  if (isAbsent(after)) return `${key} ${text(before)} removed`;
  return `${key} ${text(before)} is now ${text(after)}`;
}

function leafInWords(value: Change["before"], unit: string): string {
  if (typeof value === "number" && unit.endsWith("Ms")) return formatDurationMs(value);
  if (typeof value === "number" && unit.endsWith("Us")) return `${value}us`;
  if (typeof value === "number" && /bytes$/i.test(unit)) return formatSizeBytes(value);
  if (typeof value === "string" || typeof value === "number") return String(value);
  if (!isTree(value)) return JSON.stringify(value) ?? "";
  const parts = Object.entries(value).map(([name, inside]) =>
    `${name.replace(/(Ms|Us|Bytes)$/, "")} ${leafInWords(inside, name)}`
  );
  return `{${parts.join(", ")}}`;
}

function isAbsent(value: Change["before"]): boolean {
  return value === undefined || value === null;
}

function isTree(value: Tree | Leaf | undefined): value is Tree {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Own properties alone: names come from a file. */
function valueOf(tree: Tree, name: string): Tree | Leaf | undefined {
  return Object.hasOwn(tree, name) ? tree[name] : undefined;
}

/** Values that JSON does not have, so that a tree is what its text says. */
function withoutUndefined(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}
