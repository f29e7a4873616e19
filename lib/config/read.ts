import { z } from "zod";
import type { Endpoint, IpAddress } from "../wire/address.ts";
import type { AddressRange, Prefix } from "../wire/prefix.ts";
import { show } from "./fields.ts";
import type { Load } from "./rate.ts";
import type { ConfigPath, ConfigProblem } from "./problem.ts";
import type { ConfigSource } from "./source.ts";
import { closest } from "./suggest.ts";
import type { PortRange } from "./units.ts";

type Leaf = IpAddress | Endpoint | Prefix | AddressRange | PortRange | Load;

/**
 * A document of which some values may be wrong: those are undefined. Checks between values run on it, so that one
 * mistake does not hide the next.
 */
export type Draft<T> = T extends Leaf ? T
  : T extends readonly (infer E)[] ? (Draft<E> | undefined)[]
  : T extends object ? { [K in keyof T]?: Draft<T[K]> | undefined }
  : T;

/** What came of reading a document against a schema. */
export interface Reading<T> {
  readonly problems: ConfigProblem[];
  readonly draft: Draft<T>;
  /** The whole document; undefined when there are problems. */
  readonly value: T | undefined;
}

/** Keys by where they stand (`services[].bypass.start`) that a later version will have. */
export type LaterKeys = ReadonlyMap<string, readonly string[]>;

/** Reads a document against a schema, and names everything that does not fit with its place. */
export function readDocument<S extends z.ZodObject>(
  schema: S,
  source: ConfigSource,
  later: LaterKeys = new Map(),
): Reading<z.output<S>> {
  const result = schema.safeParse(source.value, { error: describeIssue });
  if (result.success) {
    return { problems: [], value: result.data, draft: result.data as Draft<z.output<S>> };
  }
  const problems = result.error.issues.flatMap((issue) =>
    issue.code === "unrecognized_keys"
      ? issue.keys.map((key) => unknownKey(schema, source, issue.path as ConfigPath, key, later))
      : [problemOf(issue, source)]
  );
  return { problems, value: undefined, draft: salvage(schema, source.value) as Draft<z.output<S>> };
}

/** The value with everything left out that its own part of the schema refuses. */
function salvage(schema: z.core.$ZodType, value: unknown): unknown {
  const inner = unwrap(schema);
  if (inner instanceof z.ZodObject && isObject(value)) {
    return Object.fromEntries(
      Object.entries(inner.shape).map(([key, field]) => [key, salvage(field, value[key])]),
    );
  }
  if (inner instanceof z.ZodArray && Array.isArray(value)) {
    return value.map((entry) => salvage(inner.element, entry));
  }
  const result = z.safeParse(schema, value);
  return result.success ? result.data : undefined;
}

function unwrap(schema: z.core.$ZodType): z.core.$ZodType {
  return schema instanceof z.ZodOptional || schema instanceof z.ZodPrefault
    ? unwrap(schema.unwrap())
    : schema;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function problemOf(issue: z.core.$ZodIssue, source: ConfigSource): ConfigProblem {
  const path = issue.path as ConfigPath;
  if (issue.code !== "invalid_value") return source.problem(path, issue.message);
  const suggestion = closest(String(valueAt(source.value, path)), issue.values.map(String));
  return source.problem(path, issue.message, { suggestion });
}

function valueAt(value: unknown, path: ConfigPath): unknown {
  return path.reduce((at: unknown, part) => (at as Record<string, unknown>)?.[part], value);
}

function unknownKey(
  schema: z.ZodObject,
  source: ConfigSource,
  path: ConfigPath,
  key: string,
  later: LaterKeys,
): ConfigProblem {
  const place = path.map((part) => typeof part === "number" ? "[]" : `.${part}`).join("").slice(1);
  const at = [...path, key];
  if (later.get(place)?.includes(key)) return source.problem(at, "not available in this version");
  return source.problem(at, "unknown key", { suggestion: closest(key, keysAt(schema, path)) });
}

/** The keys that the schema has at the place of an object. */
function keysAt(schema: z.core.$ZodType, path: ConfigPath): string[] {
  let at = unwrap(schema);
  for (const part of path) {
    if (at instanceof z.ZodObject) at = unwrap(at.shape[part]!);
    else if (at instanceof z.ZodArray) at = unwrap(at.element);
  }
  return at instanceof z.ZodObject ? Object.keys(at.shape) : [];
}

const TYPE_NAMES: Readonly<Record<string, string>> = {
  array: "a list",
  boolean: "true or false",
  int: "a whole number",
  number: "a number",
  object: "keys with values",
  string: "a text",
};

/** zod's issues in this program's words, where the schema has none of its own. */
const describeIssue: z.core.$ZodErrorMap = (issue) => {
  if (issue.input === undefined) return "missing";
  switch (issue.code) {
    case "invalid_type":
      return `expected ${TYPE_NAMES[issue.expected] ?? issue.expected}, got ${show(issue.input)}`;
    case "invalid_value":
      return `expected ${issue.values.map(String).join(", ")}, got ${show(issue.input)}`;
    case "too_small":
      return issue.origin === "array"
        ? `needs at least ${issue.minimum} ${issue.minimum === 1 ? "entry" : "entries"}`
        : issue.origin === "string"
        ? "empty"
        : `${show(issue.input)} is too small: at least ${issue.minimum}`;
    case "too_big":
      return issue.origin === "array"
        ? `too many entries: at most ${issue.maximum}`
        : `${show(issue.input)} is too large: at most ${issue.maximum}`;
    default:
      return undefined;
  }
};
