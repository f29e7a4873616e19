/**
 * The commands of a document, with what its readers do not see: an HTML comment in front of a fenced
 * block says where it is run.
 *
 * ```text
 * <!-- sh: on nat -->                  in this node of a lab of the document's own
 * <!-- sh: on nat, meanwhile -->       the same, going on while the next blocks run; status 0 at the end
 * <!-- sh: on nat, afterwards -->      the same, when all that goes on meanwhile is over
 * <!-- sh: on nat, for a moment -->    each line for itself, interrupted after some seconds
 * <!-- sh: here -->                    on this host, with no labs but its own
 * <!-- sh: by tests/x_test.ts -->      not here: that test runs it
 * <!-- file: on nat /etc/x -->         what stands in the block is put there
 * <!-- copy: nat:/root/x s1:/etc/x --> no block: from one node to another
 * <!-- prepare: on nat                 no block: what readers have already, on several lines
 * COMMANDS
 * -->
 * ```
 *
 * @module
 */

/** When a block is run: in its turn, or otherwise. */
export type When = "now" | "meanwhile" | "afterwards" | "for a moment";

/** One thing to do, in the order of the document. */
export type Step =
  | {
    readonly kind: "run";
    readonly line: number;
    /** A node of the lab; null: this host. */
    readonly node: string | null;
    readonly when: When;
    readonly commands: string;
  }
  | {
    readonly kind: "elsewhere";
    readonly line: number;
    readonly test: string;
    readonly commands: string;
  }
  | {
    readonly kind: "file";
    readonly line: number;
    readonly node: string;
    readonly path: string;
    readonly text: string;
  }
  | {
    readonly kind: "copy";
    readonly line: number;
    readonly from: readonly [node: string, path: string];
    readonly to: readonly [node: string, path: string];
  };

/**
 * What is to be done for a document.
 *
 * @throws {SyntaxError} for commands of which nothing says where they are run, and for a comment that
 *   is not understood
 */
export function stepsOf(text: string): Step[] {
  const steps: Step[] = [];
  const lines = text.split("\n");
  let comment: { line: number; text: string } | null = null;
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at]!;
    const [, preparing] = /^<!-- prepare: on (\w+)$/.exec(line) ?? [];
    const [, directive] = /^<!-- ((?:sh|file|copy): .*) -->$/.exec(line) ?? [];
    const [, fence, language] = /^(```+)(\w*)$/.exec(line) ?? [];
    if (preparing !== undefined) {
      if (comment !== null) throw unused(comment);
      const end = lines.indexOf("-->", at);
      if (end < 0) throw new SyntaxError(`line ${at + 1}: a comment without an end`);
      const commands = lines.slice(at + 1, end).join("\n") + "\n";
      steps.push({ kind: "run", line: at + 1, node: preparing, when: "now", commands });
      at = end;
    } else if (directive !== undefined) {
      if (comment !== null) throw unused(comment);
      if (directive.startsWith("copy: ")) steps.push(copyStep(directive, at + 1));
      else comment = { line: at + 1, text: directive };
    } else if (fence !== undefined) {
      const end = lines.indexOf(fence, at + 1);
      if (end < 0) throw new SyntaxError(`line ${at + 1}: a block without an end`);
      const content = lines.slice(at + 1, end).join("\n") + "\n";
      const isShell = language === "sh" || language === "bash" || language === "console";
      if (comment !== null) steps.push(blockStep(comment, content, isShell));
      else if (isShell) {
        throw new SyntaxError(
          `line ${at + 1}: commands, and no comment that says where to run them`,
        );
      }
      comment = null;
      at = end;
    } else if (line !== "" && comment !== null) throw unused(comment);
  }
  if (comment !== null) throw unused(comment);
  return steps;
}

function unused({ line, text }: { line: number; text: string }): SyntaxError {
  return new SyntaxError(`line ${line}: no block below "${text}"`);
}

function blockStep(
  { line, text }: { line: number; text: string },
  content: string,
  isShell: boolean,
): Step {
  const [, test] = /^sh: by (\S+)$/.exec(text) ?? [];
  const [run, node, when = "now"] =
    /^sh: (?:here|on (\w+)(?:, (meanwhile|afterwards|for a moment))?)$/.exec(text) ?? [];
  const [file, fileNode, path] = /^file: on (\w+) (\S+)$/.exec(text) ?? [];
  if (isShell && test !== undefined) return { kind: "elsewhere", line, test, commands: content };
  if (isShell && run !== undefined) {
    return {
      kind: "run",
      line,
      node: node ?? null,
      when: when as When,
      commands: content,
    };
  }
  if (!isShell && file !== undefined) {
    return { kind: "file", line, node: fileNode!, path: path!, text: content };
  }
  throw new SyntaxError(`line ${line}: "${text}" is not understood here`);
}

function copyStep(text: string, line: number): Step {
  const [match, fromNode, from, toNode, to] = /^copy: (\w+):(\S+) (\w+):(\S+)$/.exec(text) ?? [];
  if (match === undefined) throw new SyntaxError(`line ${line}: "${text}" is not understood`);
  return { kind: "copy", line, from: [fromNode!, from!], to: [toNode!, to!] };
}
