import { type Markup, markup } from "../../page/markup.ts";
import type { EventView } from "../answers.ts";
import { eventDetails } from "../events.ts";
import { clockTime } from "./clock_time.ts";
import { isOfSession } from "./newest_events.ts";

/** What stands out among sessions that come and go. */
const LOUD =
  /^(operator-stop|agent-(lost|silent|unable|refused|held)|table-full|ports-exhausted|overload|no-server|.*-lost$|.*-failed$|.*-refused$|address-conflict|server-down)/;

/** One line without its time. */
export function eventText(event: EventView): string {
  const details = eventDetails(event).map(([key, value]) => `${key}=${value}`);
  return [event.type, ...details].join(" ");
}

/** The newest first. */
export function eventRows(events: readonly EventView[]): Markup {
  return markup`${
    events.toReversed().map((event) =>
      markup`<li data-key="${event.time} ${eventText(event)}"${
        isOfSession(event) && markup` class="of-session"`
      }><time datetime="${new Date(event.time).toISOString()}">${
        clockTime(event.time)
      }</time> <span class="${
        LOUD.test(event.type) ? "type loud" : "type"
      }">${event.type}</span> <span class="details">${
        eventDetails(event).map(([key, value]) =>
          markup`<span class="detail"><span class="quiet">${key}=</span>${value}</span> `
        )
      }</span></li>`
    )
  }`;
}
