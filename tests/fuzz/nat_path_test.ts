/** The NAT machine, from bytes to bytes. */
import { fuzzTest } from "./support/fuzz.ts";
import { natPath } from "./targets/nat_path.ts";

fuzzTest(natPath);
