import type { EventView } from "../answers.ts";

/** Of single sessions, and of everything else: how many of either are kept. */
const MOST = 100;

/** Whether an event is about one session: there may be thousands of them a second. */
export function isOfSession(event: EventView): boolean {
  return "session" in event;
}

/**
 * The newest events, in their order: so many of single sessions and so many others, so that sessions
 * that come and go do not push out that an agent was lost.
 */
export function newestEvents(events: readonly EventView[]): EventView[] {
  let ofSessions = 0, others = 0;
  return events.toReversed().filter((event) =>
    (isOfSession(event) ? ++ofSessions : ++others) <= MOST
  ).reverse();
}
