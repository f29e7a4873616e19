import type { Random } from "./random.ts";

/** Values at which code tends to turn. */
const INTERESTING = [0, 1, 2, 3, 4, 5, 6, 7, 8, 15, 16, 20, 40, 44, 60, 64, 127, 128, 254, 255];
const INTERESTING_16 = [0, 1, 7, 8, 20, 40, 68, 576, 1280, 1500, 0x7fff, 0x8000, 0xfffe, 0xffff];

/** A changed copy: one to four of the changes below, one after another. */
export function mutate(
  input: Uint8Array,
  random: Random,
  others: readonly Uint8Array[] = [],
): Uint8Array<ArrayBuffer> {
  let bytes = new Uint8Array(input);
  for (let count = 1 + random.below(random.chance(0.7) ? 1 : 4); count > 0; count--) {
    bytes = mutateOnce(bytes, random, others);
  }
  return bytes;
}

function mutateOnce(
  bytes: Uint8Array<ArrayBuffer>,
  random: Random,
  others: readonly Uint8Array[],
): Uint8Array<ArrayBuffer> {
  if (bytes.length === 0) return random.bytes(random.below(64));
  // Headers are in front: most changes should hit them.
  const at = random.below(random.chance(0.7) ? Math.min(bytes.length, 80) : bytes.length);
  switch (random.below(10)) {
    case 0:
    case 1:
      bytes[at] = bytes[at]! ^ (1 << random.below(8));
      return bytes;
    case 2:
      bytes[at] = random.pick(INTERESTING);
      return bytes;
    case 3:
      bytes[at] = random.word();
      return bytes;
    case 4: {
      const value = random.chance(0.5)
        ? random.pick(INTERESTING_16)
        : bytes.length + random.between(-24, 24);
      bytes[at] = value >>> 8;
      if (at + 1 < bytes.length) bytes[at + 1] = value;
      return bytes;
    }
    case 5:
      return bytes.slice(0, random.below(bytes.length));
    case 6:
      return joined(bytes, random.bytes(random.below(48)));
    case 7:
      // A part comes twice, or is left out.
      return random.chance(0.5)
        ? joined(bytes.subarray(0, at), bytes.subarray(random.below(at + 1)))
        : joined(bytes.subarray(0, at), bytes.subarray(at + random.below(16)));
    case 8: {
      const other = others.length > 0 ? random.pick(others) : bytes;
      return joined(bytes.subarray(0, at), other.subarray(random.below(other.length + 1)));
    }
    default: {
      const end = Math.min(bytes.length, at + random.between(1, 16));
      for (let i = at; i < end; i++) bytes[i] = random.word();
      return bytes;
    }
  }
}

/** What no change can make longer. */
const LONGEST = 65_535;

function joined(first: Uint8Array, second: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(Math.min(LONGEST, first.length + second.length));
  bytes.set(first.subarray(0, bytes.length));
  bytes.set(second.subarray(0, bytes.length - first.length), first.length);
  return bytes;
}
