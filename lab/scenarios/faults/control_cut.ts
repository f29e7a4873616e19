import { configureLease, silenceUntilLapse } from "./control_silence.ts";
import { faultScenario } from "./fault_story.ts";

const ENDING = 4;
/** Bytes a second. */
const ENDING_RATE = 1_000_000;

/** Nobody is told that the channel is cut: instructions live for their lease, and then lapse. */
export const controlCut = faultScenario({
  name: "control-cut",
  description: "the control channel is cut until the leases are over: sessions go on, via NAT",
  needs: ["nft"],
  configureNat: configureLease,
  async fault(scene) {
    // They bypass when the channel is cut, and end while only their agent can see it.
    const downloads = Array.from(
      { length: ENDING },
      (_, i) => scene.lab.download({ bytes: 2 * ENDING_RATE, rate: ENDING_RATE, seed: i + 1 }),
    );
    await Promise.all(downloads.map((download) => download.reached(ENDING_RATE / 4)));
    await silenceUntilLapse(scene, "both");
    const results = await Promise.all(downloads.map((download) => download.result()));
    scene.report.check(
      `${ENDING} downloads that ended meanwhile are complete`,
      results.every(({ ok }) => ok),
    );
  },
});
