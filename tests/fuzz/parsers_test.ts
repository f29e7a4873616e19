/** Parsers of packets: whatever the bytes, a value with a reason. */
import { fuzzTest } from "./support/fuzz.ts";
import { parserTargets } from "./targets/parsers.ts";

for (const target of parserTargets) fuzzTest(target);
