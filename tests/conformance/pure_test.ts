/** Every case as bytes: the translators alone, with a clock of their own. */
import { CASES } from "./cases/all.ts";
import { familiesOf, titleOf, waysOf } from "./runner/case.ts";
import { PureWorld } from "./runner/pure_world.ts";
import { runCase } from "./runner/run_case.ts";
import { pureConfig } from "./runner/setup.ts";

for (const it of CASES) {
  if (it.notPure !== undefined) continue;
  for (const family of familiesOf(it)) {
    for (const way of waysOf(it)) {
      Deno.test({
        name: titleOf(it, way, family),
        async fn() {
          const world = new PureWorld(pureConfig(it.setup ?? "ordinary", { families: [family] }));
          await runCase(it, world, { way, family, run: 0 });
        },
      });
    }
  }
}
