/** A metrics text as Prometheus's own format has it: what each series is worth, and what kind it is. */
export interface Exposition {
  /** By the series with its labels, as written. */
  readonly values: ReadonlyMap<string, number>;
  /** By the name after TYPE. */
  readonly types: ReadonlyMap<string, string>;
}

export function parseExposition(text: string): Exposition {
  const values = new Map<string, number>();
  const types = new Map<string, string>();
  for (const line of text.split("\n")) {
    const type = /^# TYPE (\S+) (\S+)$/.exec(line);
    if (type) types.set(type[1]!, type[2]!);
    if (line === "" || line.startsWith("#")) continue;
    const at = line.lastIndexOf(" ");
    values.set(line.slice(0, at), Number(line.slice(at + 1).replace("Inf", "Infinity")));
  }
  return { values, types };
}

/** Counters, and what counts in histograms, that are less in `after` than in `before`. */
export function wentBack(before: Exposition, after: Exposition): string[] {
  return [...before.values].filter(([series, value]) => {
    const name = series.replace(/\{.*/s, "");
    const family = name.replace(/_(bucket|sum|count)$/, "");
    const isCounter = before.types.get(name) === "counter" ||
      before.types.get(family) === "histogram";
    return isCounter && (after.values.get(series) ?? -1) < value;
  }).map(([series]) => series);
}
