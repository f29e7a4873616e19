import assert from "node:assert/strict";
import { OperatorState } from "./operator_state.ts";

Deno.test("the order that keeps a session via NAT is named as it was given, the widest first", () => {
  const folder = Deno.makeTempDirSync();
  try {
    const operator = new OperatorState(`${folder}/operator`);
    const order = () => operator.stoppedBy("a-1", "web", "10.0.0.11:8080");
    const given: [Parameters<OperatorState["stop"]>[0], string][] = [
      [{ session: "a-1" }, "--session a-1"],
      [{ server: "10.0.0.11" }, "--server 10.0.0.11"],
      [{ server: "10.0.0.11:8080" }, "--server 10.0.0.11:8080"],
      [{ service: "web" }, "--service web"],
      [{ all: true }, "--all"],
    ];
    assert.equal(order(), null);
    for (const [target, words] of given) {
      operator.stop(target);
      assert.equal(order(), `nat bypass stop ${words}`);
    }
    assert.equal(operator.stoppedBy("a-2", "dns", "10.0.0.12:53"), "nat bypass stop --all");
    operator.start({ all: true });
    assert.equal(order(), null);
    operator.stop({ server: "10.0.0.12" });
    assert.equal(order(), null);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});
