/** Something found in a source file. */
export interface Finding {
  readonly text: string;
  readonly line: number;
}

/** What the rules of the tree look at in one file. */
export interface SourceFacts {
  /** Module specifiers of static imports and re-exports, of types too. */
  readonly imports: Finding[];
  /** Module specifiers of `import()`; "" when it is not a literal. */
  readonly dynamicImports: Finding[];
  /** Names that are read, `Deno`, `Date`, and members by their path, `Math.random`, `Deno.test.only`. */
  readonly names: Finding[];
  /** `url` of `import.meta.url`. */
  readonly metaProperties: Finding[];
  readonly comments: Finding[];
  /** Strings that name a worker's file: `lib/nat/packet_worker.ts`. */
  readonly workers: Finding[];
}

/** Parses `source` and collects what the rules look at. */
export function readFacts(path: string, source: string): SourceFacts {
  const facts: SourceFacts = {
    imports: [],
    dynamicImports: [],
    names: [],
    metaProperties: [],
    comments: [],
    workers: [],
  };
  const lines = lineStarts(source);
  const note = (list: Finding[], text: string, node: { range: readonly [number, number] }) => {
    list.push({ text, line: lineAt(lines, node.range[0]) });
  };
  const visitor = (context: Deno.lint.RuleContext): Deno.lint.LintVisitor => ({
    Program() {
      for (const comment of context.sourceCode.getAllComments()) {
        note(facts.comments, comment.value, comment);
      }
    },
    ImportDeclaration: (node) => note(facts.imports, node.source.value, node),
    ExportAllDeclaration: (node) => note(facts.imports, node.source.value, node),
    ExportNamedDeclaration(node) {
      if (node.source) note(facts.imports, node.source.value, node);
    },
    TSImportType(node) {
      const text = context.sourceCode.getText(node);
      note(facts.imports, /^import\("([^"]*)"/.exec(text)?.[1] ?? "", node);
    },
    ImportExpression: (node) => note(facts.dynamicImports, literal(node.source), node),
    MemberExpression(node) {
      if (node.object.type === "MetaProperty") {
        note(facts.metaProperties, context.sourceCode.getText(node.property), node);
      } else {
        const text = context.sourceCode.getText(node);
        if (/^[\w$.]+$/.test(text)) note(facts.names, text, node);
      }
    },
    Identifier(node) {
      if (isReference(node)) note(facts.names, node.name, node);
    },
    Literal(node) {
      const text = literal(node);
      if (/^[\w/]+_worker\.ts$/.test(text)) note(facts.workers, text, node);
    },
  });
  Deno.lint.runPlugin({ name: "facts", rules: { facts: { create: visitor } } }, path, source);
  return facts;
}

function literal(node: Deno.lint.Node | undefined): string {
  return node?.type === "Literal" && typeof node.value === "string" ? node.value : "";
}

/** False for the name of a member, of a property, of something declared or imported. */
function isReference(node: Deno.lint.Identifier): boolean {
  const parent = node.parent as Deno.lint.Node;
  switch (parent.type) {
    case "MemberExpression":
      return parent.computed || sameRange(parent.object, node);
    case "Property":
      return parent.shorthand || parent.computed || sameRange(parent.value, node);
    case "PropertyDefinition":
    case "MethodDefinition":
    case "TSPropertySignature":
    case "TSMethodSignature":
    case "ImportSpecifier":
    case "ExportSpecifier":
      return false;
    default:
      return true;
  }
}

function sameRange(a: Deno.lint.Node, b: Deno.lint.Node): boolean {
  return a.range[0] === b.range[0] && a.range[1] === b.range[1];
}

function lineStarts(source: string): number[] {
  return [0, ...[...source.matchAll(/\n/g)].map((match) => match.index + 1)];
}

function lineAt(starts: readonly number[], offset: number): number {
  return starts.findLastIndex((start) => start <= offset) + 1;
}
