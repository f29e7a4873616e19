import { VERSION } from "../../lib/config/version.ts";

/** What a package says of itself, the same whenever it is made from the same source. */
export interface Release {
  readonly version: string;
  /** Seconds since 1970, the time of everything in the package. */
  readonly epochS: number;
  /** `2026-01-31`. */
  readonly date: string;
}

/** This version's, at the time that SOURCE_DATE_EPOCH names or, without it, that of the changelog. */
export async function currentRelease(): Promise<Release> {
  const changelog = await Deno.readTextFile(new URL("debian/changelog", import.meta.url));
  return releaseAt(VERSION, epochOf(Deno.env.get("SOURCE_DATE_EPOCH"), changelog));
}

/** @throws SyntaxError when `sourceDateEpoch` is there and is no number of seconds */
export function epochOf(sourceDateEpoch: string | undefined, changelog: string): number {
  if (sourceDateEpoch === undefined || sourceDateEpoch === "") {
    const [, time = ""] = /^ -- .*> {2}(.*)$/m.exec(changelog) ?? [];
    return Date.parse(time) / 1000;
  }
  if (!/^\d{1,12}$/.test(sourceDateEpoch)) {
    throw new SyntaxError(
      `Cannot use SOURCE_DATE_EPOCH "${sourceDateEpoch}": not a number of seconds since 1970`,
    );
  }
  return Number(sourceDateEpoch);
}

export function releaseAt(version: string, epochS: number): Release {
  return { version, epochS, date: new Date(epochS * 1000).toISOString().slice(0, 10) };
}
