/** Bytes written as hex; spaces, line ends and everything after `//` on a line are ignored. */
export function fromHex(text: string): Uint8Array<ArrayBuffer> {
  const digits = text.replaceAll(/\/\/.*$/gm, "").replaceAll(/\s/g, "");
  return Uint8Array.fromHex(digits);
}

/** `10.0.0.1` or `2001:db8:0:0:0:0:0:1`, unshortened, as bytes. */
export function ip(text: string): Uint8Array<ArrayBuffer> {
  if (!text.includes(":")) return new Uint8Array(text.split(".").map(Number));
  return fromHex(text.split(":").map((group) => group.padStart(4, "0")).join(""));
}
