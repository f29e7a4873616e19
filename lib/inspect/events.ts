/**
 * `inspect events`.
 *
 * @module
 */
import type { EventFilter } from "../control/event_filter.ts";
import type { EventView } from "./answers.ts";
import type { Daemon } from "./daemon.ts";
import type { InspectHost } from "./host.ts";
import type { InspectOptions } from "./options.ts";
import { type Paint, paintFor, printable } from "./palette.ts";
import { writeJson, writeJsonArray } from "./print_rows.ts";

export async function printEvents(
  daemon: Daemon,
  options: InspectOptions,
  host: InspectHost,
): Promise<number> {
  if (options.follow) return await followEvents(daemon, options, host);
  const { limit } = options;
  const filter = filterOf(options);
  const request = { verb: "events", ...filter, ...(limit !== undefined && { limit }) };
  const events = await daemon.ask<EventView[]>(request);
  if (events.length === 0 && Object.keys(filter).length > 0) {
    host.complain("No event that is remembered is of that kind");
  }
  if (options.json) {
    await writeJsonArray(events, host);
  } else {
    const paint = paintFor(host);
    await host.write(events.map((event) => `${formatEvent(event, paint)}\n`).join(""));
  }
  return 0;
}

/** What of the options the daemon is asked for. */
function filterOf(options: InspectOptions): EventFilter {
  const filter: Record<string, unknown> = {};
  for (const name of ["types", "session", "service", "client", "server", "agent"] as const) {
    if (options[name] !== undefined) filter[name] = options[name];
  }
  return filter;
}

/** Until the daemon ends, which is not what was asked for, or the reader does. */
async function followEvents(
  daemon: Daemon,
  options: InspectOptions,
  host: InspectHost,
): Promise<number> {
  const paint = paintFor(host);
  const request = { verb: "events", follow: true, ...filterOf(options) };
  for await (const event of daemon.follow<EventView>(request)) {
    if (options.json) await writeJson(event, host);
    else await host.write(`${formatEvent(event, paint)}\n`);
  }
  host.complain(`No more events: ${await daemon.path()} closed the connection`);
  return 1;
}

/** Types are padded to this, so that most lines align without knowing the ones to come. */
const TYPE_COLUMNS = 20;

/** One line: local time, type, details as `key=value`. */
export function formatEvent(event: EventView, paint: Paint): string {
  const { time, type } = event;
  const words = eventDetails(event).map(([key, value]) => `${paint("dim", `${key}=`)}${value}`);
  return [
    paint("dim", formatLocalTime(new Date(time))),
    paint("cyan", printable(type).padEnd(words.length > 0 ? TYPE_COLUMNS : 0)),
    ...words,
  ].join("  ").trimEnd();
}

/** What there is to say besides time and type: names, and values in quotes where they are several words. */
export function eventDetails({ time: _, type: __, ...details }: EventView): [string, string][] {
  return Object.entries(details)
    .filter(([, value]) => value !== null)
    .map(([key, value]) => [printable(key), formatValue(value)]);
}

/** Quoted when it would not be one word otherwise. */
function formatValue(value: string | number | boolean | null): string {
  const text = printable(String(value));
  return /^[^\s"=]+$/.test(text) ? text : JSON.stringify(text);
}

/** `2026-01-31 23:59:59.999`, in the time zone of this host. */
function formatLocalTime(time: Date): string {
  const two = (value: number) => String(value).padStart(2, "0");
  const date = `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())}`;
  const clock = `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}`;
  return `${date} ${clock}.${String(time.getMilliseconds()).padStart(3, "0")}`;
}
