/**
 * `where:` expressions in CEL (https://cel.dev) over the fields of a session. Loaded only when a
 * configuration has one.
 *
 * @module
 */

import { celEnv, CelScalar, isCelError, parse, plan } from "@bufbuild/cel";

/** What an expression may ask of a session. Counts are of its responses, by either path. */
export interface SessionFields {
  readonly service: string;
  /** `tcp` or `udp`. */
  readonly protocol: string;
  /** Addresses as text. */
  readonly client: string;
  readonly clientPort: number;
  readonly vip: string;
  readonly vipPort: number;
  readonly server: string;
  readonly serverPort: number;
  readonly packets: number;
  readonly bytes: number;
  readonly packetsFromClient: number;
  readonly bytesFromClient: number;
  readonly ageMs: number;
  /** Bytes a second, smoothed. */
  readonly rate: number;
  readonly packetRate: number;
}

type Field = keyof SessionFields;

/** The fields and their CEL types; a whole number is an int, a rate a double. */
export const EXPRESSION_FIELDS: Readonly<Record<Field, "string" | "int" | "double">> = {
  service: "string",
  protocol: "string",
  client: "string",
  clientPort: "int",
  vip: "string",
  vipPort: "int",
  server: "string",
  serverPort: "int",
  packets: "int",
  bytes: "int",
  packetsFromClient: "int",
  bytesFromClient: "int",
  ageMs: "int",
  rate: "double",
  packetRate: "double",
};

/** What came of asking: an answer, or why there is none. */
export type ExpressionResult = boolean | { readonly error: string };

/** A `where:` that was read and found to be sound. */
export interface Expression {
  readonly text: string;
  /** Whether it asks for a rate, which then has to be measured. */
  readonly metered: boolean;
  evaluate(session: SessionFields): ExpressionResult;
  /** The text: what stands in a file, and what tells two expressions apart. */
  toJSON(): string;
}

const SAMPLE: SessionFields = {
  service: "web",
  protocol: "tcp",
  client: "198.51.100.2",
  clientPort: 40_000,
  vip: "203.0.113.10",
  vipPort: 80,
  server: "10.0.0.11",
  serverPort: 8080,
  packets: 100,
  bytes: 100_000,
  packetsFromClient: 50,
  bytesFromClient: 5_000,
  ageMs: 1_000,
  rate: 100_000.5,
  packetRate: 100.5,
};

const TYPES = { string: CelScalar.STRING, int: CelScalar.INT, double: CelScalar.DOUBLE } as const;
const ENV = celEnv({
  variables: Object.fromEntries(
    Object.entries(EXPRESSION_FIELDS).map(([name, type]) => [name, TYPES[type]]),
  ),
});

/** Names that stand for types. */
const TYPE_NAMES = new Set(
  ["bool", "int", "uint", "double", "string", "bytes", "list", "map", "type", "null_type"],
);

type Node = NonNullable<ReturnType<typeof parse>["expr"]>;

/**
 * Reads an expression.
 * @throws {SyntaxError} when it is not CEL, {@link TypeError} when it cannot be evaluated, or not to
 *   true or false
 */
export function readExpression(text: string): Expression {
  const parsed = parseText(text);
  const names = new Set<string>();
  checkTypes(parsed.expr, names, new Set());
  const run = plan(ENV, parsed);
  const evaluate = (session: SessionFields): ExpressionResult => {
    try {
      const result = run(bindings(session));
      if (typeof result === "boolean") return result;
      return { error: isCelError(result) ? result.message : `it is not true or false` };
    } catch (error) {
      return { error: (error as Error).message };
    }
  };
  const tried = run(bindings(SAMPLE));
  if (typeof tried !== "boolean" && !isCelError(tried)) {
    throw new TypeError(`"${text}" is ${kindOf(tried)}, not true or false`);
  }
  return {
    text,
    metered: names.has("rate") || names.has("packetRate"),
    evaluate,
    toJSON: () => text,
  };
}

function parseText(text: string): ReturnType<typeof parse> {
  try {
    return parse(text);
  } catch (error) {
    const why = (error as Error).message.replace(/^<input>:(\d+):(\d+): /, "")
      .replace(/but expecting (.{60}).*$/s, "but expecting $1...");
    const at = (error as { location?: { start?: { column?: number } } }).location?.start?.column;
    const where = at === undefined ? "" : ` at character ${at}`;
    throw new SyntaxError(`not an expression${where}: ${why}`);
  }
}

/**
 * CEL looks at only as much of an expression as decides it, so each part is tried by itself, with a
 * session made up. Collects the names that are used.
 */
function checkTypes(node: Node, names: Set<string>, variables: ReadonlySet<string>): void {
  const kind = node.exprKind;
  if (kind.case === "identExpr") {
    const { name } = kind.value;
    names.add(name);
    if (name in EXPRESSION_FIELDS || TYPE_NAMES.has(name) || variables.has(name)) return;
    throw new TypeError(
      `there is no field "${name}": there are ${Object.keys(EXPRESSION_FIELDS).join(", ")}`,
    );
  }
  // `all`, `exists` and their like have variables of their own, which only they as a whole can try.
  const own = kind.case === "comprehensionExpr"
    ? new Set([...variables, kind.value.iterVar, kind.value.iterVar2, kind.value.accuVar])
    : variables;
  for (const part of partsOf(node)) checkTypes(part, names, own);
  if (variables.size === 0) checkPart(node);
}

/** Errors that depend on values are not the expression's fault. */
const OF_VALUES =
  /divide by zero|modulus by zero|overflow|out of (range|bounds)|^Cannot convert|^Unable to convert|^Failed to parse/;

function checkPart(node: Node): void {
  const result = plan(ENV, node)(bindings(SAMPLE));
  if (!isCelError(result) || OF_VALUES.test(result.message)) return;
  // A map of the expression need not have a key for every session; a text has no fields at all.
  const isSelect = node.exprKind.case === "selectExpr";
  if (/^field not found/.test(result.message) && !isSelect) return;
  throw new TypeError(typeError(result.message));
}

/** What CEL says of types, in the words of people who do not know its names of operators. */
function typeError(message: string): string {
  const unbound = /^unbound function: (.*)$/.exec(message);
  if (unbound !== null) return `there is no function "${unbound[1]}"`;
  const misfit = /^found no matching overload for '?@?(\S+?)'? applied to '(.*)'$/.exec(message);
  if (misfit === null) return message;
  const name = misfit[1] === "_?_:_" ? "?:" : misfit[1]!.replaceAll("_", "");
  const types = misfit[2]!;
  const isMixed = /^\((int|double), (int|double)\)$/.test(types);
  const hint = ", both have to be of one type: write 8.0 for 8, double(bytes) for bytes";
  return `"${name}" cannot be applied to ${types}${isMixed ? hint : ""}`;
}

function partsOf(node: Node): Node[] {
  const kind = node.exprKind;
  switch (kind.case) {
    case "callExpr":
      return [...(kind.value.target ? [kind.value.target] : []), ...kind.value.args];
    case "listExpr":
      return kind.value.elements;
    case "selectExpr":
      return kind.value.operand ? [kind.value.operand] : [];
    case "structExpr":
      return kind.value.entries.flatMap(({ keyKind, value }) => [
        ...(keyKind.case === "mapKey" ? [keyKind.value] : []),
        ...(value ? [value] : []),
      ]);
    case "comprehensionExpr":
      return [kind.value.iterRange, kind.value.loopStep].filter((it) => it !== undefined);
    default:
      return [];
  }
}

function bindings(session: SessionFields) {
  const values: Record<string, string | number | bigint> = { ...session };
  for (const name of INTS) values[name] = BigInt(Math.round(session[name] as number));
  return values;
}

const INTS = (Object.keys(EXPRESSION_FIELDS) as Field[]).filter((name) =>
  EXPRESSION_FIELDS[name] === "int"
);

function kindOf(value: unknown): string {
  switch (typeof value) {
    case "bigint":
    case "number":
      return "a number";
    case "string":
      return "a text";
    default:
      return "a value of another kind";
  }
}
