import { HELD_FRAGMENT_BYTES, HELD_FRAGMENTS } from "./fragment_translator.ts";
import { Translator, type TranslatorOptions } from "./translator.ts";

type LoneOptions =
  & Pick<TranslatorOptions, "table" | "config" | "random" | "nowMs">
  & Partial<Pick<TranslatorOptions, "fragmentMemory">>;

/** A translator whose packets go nowhere and of which nobody hears: for its own work alone. */
export function loneTranslator(options: LoneOptions): Translator {
  return new Translator({
    hops: { epoch: 1, mtu: () => 1500, toAddress: () => 1 },
    events: {
      crossed: () => true,
      ended: () => true,
      undelivered: () => {},
      pathMtu: () => true,
      opened: () => {},
      closed: () => {},
    },
    sender: { emit: () => true, follow: () => {} },
    fragmentMemory: { buffer: new ArrayBuffer(HELD_FRAGMENTS * HELD_FRAGMENT_BYTES), offset: 0 },
    ...options,
  });
}
