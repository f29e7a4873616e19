/**
 * `inspect events`.
 *
 * @module
 */
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
  const limit = options.limit === undefined ? {} : { limit: options.limit };
  const events = await daemon.ask<EventView[]>({ verb: "events", ...limit });
  if (options.json) {
    await writeJsonArray(events, host);
  } else {
    const paint = paintFor(host);
    await host.write(events.map((event) => `${formatEvent(event, paint)}\n`).join(""));
  }
  return 0;
}

/** Until the daemon ends, which is not what was asked for, or the reader does. */
async function followEvents(
  daemon: Daemon,
  options: InspectOptions,
  host: InspectHost,
): Promise<number> {
  const paint = paintFor(host);
  for await (const event of daemon.follow<EventView>({ verb: "events", follow: true })) {
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
