import { exampleOf } from "../../command.ts";
import { createProgram } from "../../program.ts";
import {
  bold,
  header,
  item,
  type PageTitle,
  paragraphs,
  plain,
  section,
  subsection,
  term,
  verbatim,
} from "./roff.ts";

type Program = ReturnType<typeof createProgram>;
/** What commander's help knows of a command, whatever its arguments and options are. */
export type AnyCommand = Program["commands"][number] | Program;

export type PageStamp = Pick<PageTitle, "version" | "date">;

/** `bypath(1)`: the commands, and what holds for all of them. */
export function programPage(program: Program, stamp: PageStamp): string {
  return header({ name: "bypath", section: 1, summary: program.description(), ...stamp }) +
    section("SYNOPSIS", `${bold("bypath")} ${term("COMMAND [ARG...]")}\n`) +
    section(
      "DESCRIPTION",
      paragraphs(
        "A NAT machine takes client packets for a virtual address, translates them and hands them " +
          "to one of several servers. When measured criteria are met, it sends the agent on that " +
          "server translation instructions for that one session; the agent then rewrites the " +
          "response packets itself and transmits them straight to the client, until the NAT " +
          "machine says stop. If anything about the bypass fails, responses flow through the NAT " +
          "machine again.",
      ),
    ) +
    section("COMMANDS", ...childrenOf(program).map(listed)) +
    section("OPTIONS", ...optionsOf(program)) +
    EXIT_STATUS +
    section(
      "ENVIRONMENT",
      item(bold("NO_COLOR"), "No colours, on a terminal either"),
      item(
        bold("BYPATH_DEBUG"),
        "When set, an error that ends the program is followed by its stack",
      ),
      item(
        bold("XDG_CACHE_HOME"),
        "The standalone executable unpacks itself at its first start into the folder bypath in it " +
          "(default: .cache in the home folder; /var/cache/bypath for root)",
      ),
    ) +
    FILES +
    section("EXAMPLES", verbatim(exampleOf(program) ?? "")) +
    seeAlso("bypath", program);
}

/** `bypath-nat(1)`: a group of commands, each with its options and example. */
export function groupPage(program: Program, group: AnyCommand, stamp: PageStamp): string {
  const name = `bypath-${group.name()}`;
  const leaves = leavesOf(group);
  return header({ name, section: 1, summary: group.description(), ...stamp }) +
    section("SYNOPSIS", leaves.map(synopsis).join(".br\n")) +
    section("DESCRIPTION", paragraphs(`${sentence(group.description())} The commands are:`)) +
    section("COMMANDS", ...leaves.map(leafText)) +
    EXIT_STATUS +
    FILES +
    seeAlso(name, program);
}

/** Those that `--help` lists, without `help` itself. */
export function childrenOf(command: AnyCommand): AnyCommand[] {
  return command.createHelp().visibleCommands(command as Program)
    .filter((it) => it.name() !== "help") as AnyCommand[];
}

/** Commands that do something, in the order of the help. */
export function leavesOf(command: AnyCommand): AnyCommand[] {
  const children = childrenOf(command);
  return children.length === 0 ? [command] : children.flatMap(leavesOf);
}

/** `bypath nat bypass stop` */
export function fullName(command: AnyCommand): string {
  const parent = command.parent as AnyCommand | null;
  return parent === null ? command.name() : `${fullName(parent)} ${command.name()}`;
}

function synopsis(command: AnyCommand): string {
  const words = command.createHelp().commandUsage(command as Program).slice(
    fullName(command).length,
  );
  return `${bold(fullName(command))}${words === "" ? "" : ` ${term(words.trim())}`}\n`;
}

function leafText(command: AnyCommand): string {
  const help = command.createHelp();
  const subject = command as Program;
  const args = help.visibleArguments(subject).map((it) =>
    item(term(help.argumentTerm(it)), help.argumentDescription(it))
  );
  const example = exampleOf(command);
  return subsection(
    fullName(command),
    synopsis(command),
    ".PP\n",
    paragraphs(sentence(command.description())),
    ...args,
    ...optionsOf(command),
    ...(example === undefined ? [] : [".PP\nExample:\n", verbatim(example)]),
  );
}

function optionsOf(command: AnyCommand): string[] {
  const help = command.createHelp();
  return help.visibleOptions(command as Program).map((option) =>
    item(term(help.optionTerm(option)), help.optionDescription(option))
  );
}

function listed(command: AnyCommand): string {
  const page = childrenOf(command).length > 0 ? `; see bypath-${command.name()}(1)` : "";
  return item(bold(command.name()), `${command.description()}${page}`);
}

/** As a sentence of its own. */
function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1).replace(/\.$/, "")}.`;
}

const EXIT_STATUS = section(
  "EXIT STATUS",
  item(bold("0"), "Done"),
  item(bold("1"), "Failed while running"),
  item(bold("2"), "Wrong usage or wrong configuration; nothing was touched"),
);

const FILES = section(
  "FILES",
  item(plain("/etc/bypath/nat.yaml"), "Configuration of the NAT machine as the unit runs it"),
  item(plain("/etc/bypath/agent.yaml"), "Configuration of the agent, likewise"),
  item(
    plain("/run/bypath/nat.sock, /run/bypath/agent.sock"),
    "Where inspect and the verbs of nat connect",
  ),
  item(plain("/run/bypath/nat.sessions"), "The session table"),
);

function seeAlso(name: string, program: Program): string {
  const pages = [
    ["bypath", 1],
    ...childrenOf(program).filter((it) => childrenOf(it).length > 0)
      .map((it) => [`bypath-${it.name()}`, 1]),
    ["bypath-nat.yaml", 5],
    ["bypath-agent.yaml", 5],
  ].filter(([page]) => page !== name);
  const last = pages.length - 1;
  return section(
    "SEE ALSO",
    pages.map(([page, number], index) =>
      `.BR ${plain(`${page}`)} (${number})${index === last ? "" : ","}\n`
    ).join(""),
  );
}
