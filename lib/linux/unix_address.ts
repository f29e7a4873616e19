import { AF_UNIX } from "./constants.ts";
import { SOCKADDR_UN } from "./structs.ts";

const PATH_BYTES = SOCKADDR_UN.size - SOCKADDR_UN.offsets.sun_path;

/**
 * `struct sockaddr_un` (unix(7)) of a path, or of an abstract address: those start with `@`, which
 * becomes a zero byte, and have no zero at their end.
 */
export function encodeUnixAddress(path: string): Uint8Array<ArrayBuffer> {
  const isAbstract = path.startsWith("@");
  if (!isAbstract && !path.startsWith("/")) {
    throw new TypeError(`Cannot use "${path}": neither a path nor an abstract address`);
  }
  const name = new TextEncoder().encode(isAbstract ? `\0${path.slice(1)}` : `${path}\0`);
  if (name.length > PATH_BYTES) throw new RangeError(`Cannot use "${path}": too long`);
  const address = new Uint8Array(SOCKADDR_UN.offsets.sun_path + name.length);
  new DataView(address.buffer).setUint16(SOCKADDR_UN.offsets.sun_family, AF_UNIX, true);
  address.set(name, SOCKADDR_UN.offsets.sun_path);
  return address;
}
