/**
 * `--watch`: a table again and again, with what changed since the last look.
 *
 * @module
 */
import { AdminError } from "../control/admin_protocol.ts";
import type { Printer } from "./commands.ts";
import type { Daemon } from "./daemon.ts";
import type { InspectHost } from "./host.ts";
import type { InspectOptions } from "./options.ts";
import { Trends } from "./trends.ts";

/** ECMA-48: to the first place; to the end of the line, of the screen, erased. */
const HOME = "\x1b[H";
const ERASE_LINE = "\x1b[K";
const ERASE_BELOW = "\x1b[J";
/** Two lines of a screen are no rows: the heading, and where the cursor stands afterwards. */
const NO_ROWS = 3;

/**
 * Prints until the output is closed or the program is interrupted. On a terminal each look takes the
 * place of the one before; elsewhere they follow each other, with an empty line between. A daemon that
 * answered once and does not now is waited for, as while it is restarted.
 */
export async function watch(
  print: Printer,
  { daemon, options, host }: {
    readonly daemon: Daemon;
    readonly options: InspectOptions;
    readonly host: InspectHost;
  },
): Promise<number> {
  const { watchMs, ...rest } = options;
  const trends = new Trends();
  const isTerminal = host.lines !== Infinity && !options.json;
  let isAway = false;
  for (let look = 0;; look++) {
    const begunMs = performance.now();
    let text = "";
    trends.begin(begunMs);
    const page: InspectHost = {
      ...host,
      columns: host.columns,
      lines: host.lines,
      tableRows: isTerminal ? Math.max(1, host.lines - NO_ROWS) : Infinity,
      write: (part) => {
        text += part;
        return Promise.resolve();
      },
    };
    try {
      await print(daemon, { ...rest, trends }, page);
      isAway = false;
    } catch (error) {
      if (look === 0 || !(error instanceof AdminError) || error.exit !== 1) throw error;
      if (!isAway) host.complain(`${error.message}, going on when it answers`);
      isAway = true;
    }
    if (isAway) {
      // What was seen last stays.
    } else if (isTerminal) {
      const clear = look === 0 ? `${HOME}${ERASE_BELOW}` : HOME;
      // Erased before it is written: after a line that is full, what is erased is its last character.
      await host.write(`${clear}${text.replaceAll(/^/gm, ERASE_LINE)}${ERASE_BELOW}`);
    } else await host.write(look === 0 || options.json ? text : `\n${text}`);
    const restMs = watchMs! - (performance.now() - begunMs);
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, restMs)));
  }
}
