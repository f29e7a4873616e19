import { closest } from "../../lib/config/suggest.ts";
import { LabUsageError } from "../options.ts";
import { type Assumed, ASSUMED_VALUES, type AssumedName } from "./inputs.ts";

/** What may not be exceeded, and what may be nothing. */
const AT_MOST: Readonly<Partial<Record<AssumedName, number>>> = {
  furtherCore: 1,
  natPart: 1,
  acknowledged: 1,
  spread: 3,
  responses: 1000,
};
const MAY_BE_ZERO: readonly AssumedName[] = ["furtherCore", "natPart", "acknowledged"];
const WHOLE: readonly AssumedName[] = ["packets", "responses"];

/**
 * The assumptions with some of them changed, each given as `NAME=VALUE`. Pure.
 *
 * @throws {LabUsageError} when a name is none, or a value makes no sense for it
 */
export function assume(changes: readonly string[]): Assumed {
  const assumed: Record<AssumedName, number> = { ...ASSUMED_VALUES };
  for (const change of changes) {
    const [, name = change, text = ""] = /^([^=]*)=(.*)$/.exec(change) ?? [];
    if (!isName(name)) {
      const near = closest(name, Object.keys(ASSUMED_VALUES));
      const hint = near === undefined
        ? `there are ${Object.keys(ASSUMED_VALUES).join(", ")}`
        : `did you mean "${near}"?`;
      throw new LabUsageError(`Cannot assume "${change}": no assumption has that name, ${hint}`);
    }
    assumed[name] = valueOf(name, text, change);
  }
  return assumed;
}

function isName(name: string): name is AssumedName {
  return Object.hasOwn(ASSUMED_VALUES, name);
}

function valueOf(name: AssumedName, text: string, change: string): number {
  const value = Number(text);
  const most = AT_MOST[name] ?? 1e6;
  const whole = WHOLE.includes(name);
  const enough = MAY_BE_ZERO.includes(name) ? value >= 0 : value > 0;
  if (/^\d+(\.\d+)?$/.test(text) && enough && value <= most && (!whole || value % 1 === 0)) {
    return value;
  }
  const kind = whole ? "a whole number" : "a number";
  const least = MAY_BE_ZERO.includes(name) ? "from 0" : "above 0";
  throw new LabUsageError(
    `Cannot assume "${change}": ${name} takes ${kind} ${least} to ${most}, as in ` +
      `${name}=${ASSUMED_VALUES[name]}`,
  );
}
