import { costsOf } from "./costs.ts";
import { type Assumed, type Measured, type MeasuredName, medians, type Values } from "./inputs.ts";
import { type Carried, carriedBy, loadOf } from "./load.ts";
import { MIXES } from "./mixes.ts";
import { sampleSessions } from "./sample.ts";
import { DEFAULT_THRESHOLD, SESSIONS, TYPICAL_CORES } from "./scope.ts";

/** One input changed, and what becomes of each mix, in the order of {@link MIXES}. */
export interface SensitivityRow {
  readonly changed: string;
  readonly mixes: readonly {
    /** CPU time of the NAT machine, of what it is with `never`. */
    readonly cpuOfNever: number;
    readonly carried: Carried;
  }[];
}

interface SensitivityInputs {
  readonly measured: Measured;
  readonly assumed: Assumed;
  readonly seed: number;
  readonly labCores: number;
}

interface Change {
  readonly changed: string;
  readonly values?: Partial<Values>;
  readonly assumed?: Partial<Assumed>;
}

/** Each input that matters at the ends of what was measured, or of what one may well assume. Pure. */
export function sensitivityOf(inputs: SensitivityInputs): SensitivityRow[] {
  const drawn = new Map<string, readonly Float64Array[]>();
  return changesOf(inputs).map(({ changed, ...change }) => {
    const assumed = { ...inputs.assumed, ...change.assumed };
    const values = { ...medians(inputs.measured), ...change.values };
    const costs = costsOf(values, assumed, inputs.labCores);
    const key = `${assumed.responses}/${assumed.spread}`;
    const samples = drawn.get(key) ??
      MIXES.map(({ sizes }) =>
        sampleSessions(sizes, { seed: inputs.seed, sessions: SESSIONS, ...assumed })
      );
    drawn.set(key, samples);
    return {
      changed,
      mixes: samples.map((sample) => {
        const load = loadOf(sample, DEFAULT_THRESHOLD, costs);
        const never = loadOf(sample, Infinity, costs);
        return {
          cpuOfNever: load.secondsPerGigabyte / never.secondsPerGigabyte,
          carried: carriedBy(load, { cores: TYPICAL_CORES, agents: Infinity }, costs, assumed),
        };
      }),
    };
  });
}

function changesOf({ measured, assumed, labCores }: SensitivityInputs): Change[] {
  const middle = medians(measured);
  const { kernelFactor } = costsOf(middle, assumed, labCores);
  const ends = (
    what: string,
    name: MeasuredName,
    beside: (value: number) => Partial<Values> = () => ({}),
  ): Change[] =>
    (["least", "most"] as const).map((end) => {
      const value = measured[name][end];
      return {
        changed: `${what}, ${end} of the turns`,
        values: { [name]: value, ...beside(value) },
      };
    });
  return [
    { changed: "nothing" },
    // The kernel's part is as large a share of it as before.
    ...ends("CPU time via NAT", "viaNatTime", (time) => ({
      hostTime: middle.directTime + kernelFactor * time,
    })),
    ...ends("CPU time with bypass", "bypassTime"),
    ...ends("CPU time of the host via NAT", "hostTime"),
    { changed: "natPart 0.5", assumed: { natPart: 0.5 } },
    { changed: "natPart 0.25", assumed: { natPart: 0.25 } },
    {
      changed: "a control channel of half the rate",
      values: { instructedConnections: middle.instructedConnections / 2 },
    },
    { changed: "a switch of ten times the time", values: { switchTime: middle.switchTime * 10 } },
    { changed: "sessionMbit ten times", assumed: { sessionMbit: assumed.sessionMbit * 10 } },
    { changed: "packets 20", assumed: { packets: 20 } },
    { changed: "responses 10", assumed: { responses: 10 } },
    { changed: "furtherCore 0.5", assumed: { furtherCore: 0.5 } },
    { changed: "furtherCore 1", assumed: { furtherCore: 1 } },
    { changed: "linkGbit 100", assumed: { linkGbit: 100 } },
    { changed: "spread 1", assumed: { spread: 1 } },
    { changed: "spread 2", assumed: { spread: 2 } },
  ];
}
