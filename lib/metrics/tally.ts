import { Histogram } from "./histogram.ts";
import type { HistogramMetric, Sample } from "./metric.ts";

/** One value of `Kept` for each combination of label values that was seen. */
class ByLabels<Name extends string, Kept> {
  readonly #names: readonly Name[];
  readonly #make: () => Kept;
  readonly #kept = new Map<string, { labels: Record<Name, string>; value: Kept }>();

  constructor(names: readonly Name[], make: () => Kept) {
    this.#names = names;
    this.#make = make;
  }

  of(values: readonly string[]): { value: Kept } {
    const key = values.join("\0");
    let kept = this.#kept.get(key);
    if (kept === undefined) {
      const pairs = this.#names.map((name, i) => [name, values[i]!]);
      kept = { labels: Object.fromEntries(pairs) as Record<Name, string>, value: this.#make() };
      this.#kept.set(key, kept);
    }
    return kept;
  }

  find(values: readonly string[]): Kept | undefined {
    return this.#kept.get(values.join("\0"))?.value;
  }

  get samples(): { labels: Record<Name, string>; value: Kept }[] {
    return [...this.#kept.values()];
  }
}

/** Counts what happens rarely enough for the main thread to count it, by labels. */
export class Tally<Name extends string> {
  readonly #counts: ByLabels<Name, number>;

  constructor(...names: readonly Name[]) {
    this.#counts = new ByLabels(names, () => 0);
  }

  /** @param values one for each name */
  add(count: number, ...values: readonly string[]): void {
    this.#counts.of(values).value += count;
  }

  /** 0 when nothing was added. */
  value(...values: readonly string[]): number {
    return this.#counts.find(values) ?? 0;
  }

  get samples(): readonly Sample[] {
    return this.#counts.samples.map(({ labels, value }) => ({ labels, value }));
  }
}

/** The same for how long something takes. */
export class Histograms<Name extends string> {
  readonly #histograms: ByLabels<Name, Histogram>;

  constructor(bounds: readonly number[], ...names: readonly Name[]) {
    this.#histograms = new ByLabels(names, () => new Histogram(bounds));
  }

  observe(value: number, ...values: readonly string[]): void {
    this.#histograms.of(values).value.observe(value);
  }

  get samples(): HistogramMetric["samples"] {
    return this.#histograms.samples;
  }
}
