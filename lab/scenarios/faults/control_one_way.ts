import { configureLease, silenceUntilLapse } from "./control_silence.ts";
import { faultScenario } from "./fault_story.ts";

/**
 * One side hears the other and is not heard. An agent that hears nothing must not go on for ever, and
 * a NAT machine that hears nothing must not give out NAT endpoints that are still in use.
 */
export const controlOneWay = faultScenario({
  name: "control-one-way",
  description: "agents hear the NAT machine no more, then it hears them no more: the same",
  needs: ["nft"],
  configureNat: configureLease,
  async fault(scene) {
    scene.report.say("The agents hear nothing");
    await silenceUntilLapse(scene, "to-agents");
    await scene.traffic.bypassing();
    scene.report.say("The NAT machine hears nothing");
    await silenceUntilLapse(scene, "from-agents");
  },
});
