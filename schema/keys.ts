/** A part of a JSON Schema, as far as the configurations use it. */
export interface SchemaNode {
  readonly type?: string;
  /** A word for such a value, `duration`. */
  readonly title?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly examples?: readonly unknown[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly anyOf?: readonly SchemaNode[];
  readonly items?: SchemaNode;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly required?: readonly string[];
}

/** A key of a configuration file. */
export interface ConfigKey {
  /** `services[].bypass.start.bytes`; `[]` is an entry of a list. */
  readonly path: string;
  readonly type: string;
  readonly required: boolean;
  /** As it is written in YAML; null: none. */
  readonly default: string | null;
  /** Likewise; null for what only holds other keys. */
  readonly example: string | null;
  readonly description: string;
}

/** Every key below `schema`, in its order, each before what is in it. */
export function keysOf(schema: SchemaNode, above = ""): ConfigKey[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, node]) => {
    const path = `${above}${name}`;
    return [
      {
        path,
        type: typeOf(node),
        required: schema.required?.includes(name) ?? false,
        default: isEmptyObject(node.default) ? null : inYaml(node.default),
        example: exampleOf(node),
        description: node.description ?? "",
      },
      ...keysOf(node, `${path}.`),
      ...alternatives(node).flatMap((it) => keysOf(it, `${path}.`)),
      ...(node.items === undefined ? [] : keysOf(node.items, `${path}[].`)),
    ];
  });
}

const alternatives = (node: SchemaNode): readonly SchemaNode[] => node.anyOf ?? [];

/** The default or what the schema names, else a value that is as good as any. */
function exampleOf(node: SchemaNode): string | null {
  if (isEmptyObject(node.default)) return null;
  if (node.default !== undefined) return inYaml(node.default);
  const [given] = node.examples ?? alternatives(node).flatMap((it) => it.examples ?? []);
  if (given !== undefined) return inYaml(given);
  const inItems = node.items === undefined ? null : exampleOf(node.items);
  if (inItems !== null) return `[${inItems}]`;
  const isFlag = node.type === "boolean" || alternatives(node).some((it) => it.type === "boolean");
  return inYaml(node.const ?? node.enum?.[0] ?? (isFlag ? true : node.minimum));
}

/** A type in words: `integer 1 to 65535`, `list of text`. */
function typeOf(node: SchemaNode): string {
  if (node.anyOf !== undefined) return node.anyOf.map(typeOf).join(", or ");
  if (node.const !== undefined) return JSON.stringify(node.const);
  if (node.enum !== undefined) return node.enum.map(String).join(", ");
  switch (node.type) {
    case "array": {
      const [from, to] = [node.minItems ?? 0, node.maxItems ?? "any number"];
      return `list of ${from} to ${to}: ${typeOf(node.items ?? {})}`;
    }
    case "integer": {
      const hasLimit = node.maximum !== undefined && node.maximum < Number.MAX_SAFE_INTEGER;
      return hasLimit
        ? `integer ${node.minimum} to ${node.maximum}`
        : `integer from ${node.minimum}`;
    }
    case "object":
      return "keys below";
    case "string":
      return node.title ?? "text";
    case "boolean":
      return "true or false";
    default:
      return node.type ?? "anything";
  }
}

const isEmptyObject = (value: unknown): boolean =>
  typeof value === "object" && value !== null && !Array.isArray(value) &&
  Object.keys(value).length === 0;

/** A value in YAML's flow style; null for none. */
function inYaml(value: unknown): string | null {
  if (value === undefined) return null;
  if (Array.isArray(value)) return `[${value.map(inYaml).join(", ")}]`;
  if (typeof value === "object" && value !== null) {
    return `{ ${Object.entries(value).map(([key, it]) => `${key}: ${inYaml(it)}`).join(", ")} }`;
  }
  const text = String(value);
  return text.startsWith("[") ? JSON.stringify(text) : text;
}
