/**
 * Puts messages that leave together into fewer: what a message costs on both sides is more than what an entry does.
 *
 * @module
 */

import { type AgentMessage, BATCH_ENTRIES, type NatMessage } from "./messages.ts";

type Message = AgentMessage | NatMessage;

/**
 * The same in fewer messages: neighbours of one type that are about sessions become one, as long as it fits into a
 * line. All entries stay in order. Pure.
 */
export function joinMessages(messages: readonly Message[]): Message[] {
  const joined: Message[] = [];
  let run: Message[] = [];
  let entries = 0;
  for (const message of messages) {
    const more = entriesOf(message);
    if (run.length > 0 && (entries + more > BATCH_ENTRIES || !belong(run[0]!, message))) {
      joined.push(joinedRun(run));
      run = [];
      entries = 0;
    }
    run.push(message);
    entries += more;
  }
  if (run.length > 0) joined.push(joinedRun(run));
  return joined;
}

function belong(a: Message, b: Message): boolean {
  switch (a.type) {
    case "install":
      // Leases count from the report that the nonce is of.
      return b.type === "install" && b.nonce === a.nonce;
    case "stop":
    case "installed":
    case "stopped":
      return b.type === a.type;
    default:
      return false;
  }
}

/** One message for messages that belong together. */
function joinedRun(run: readonly Message[]): Message {
  const [first] = run;
  if (run.length === 1) return first!;
  const entries = run.flatMap<object>((each) => "entries" in each ? each.entries : []);
  const refused = run.flatMap((each) => "refused" in each ? each.refused : []);
  return {
    ...first,
    entries,
    ...(first!.type === "installed" && { refused }),
  } as Message;
}

function entriesOf(message: Message): number {
  if (!("entries" in message)) return 0;
  return message.entries.length + ("refused" in message ? message.refused.length : 0);
}
