/** A session table's file, damaged. */
import { fuzzTest } from "./support/fuzz.ts";
import { stateFile } from "./targets/state_file.ts";

fuzzTest(stateFile);
