/**
 * The lines of a byte stream, without their ends.
 * @throws {RangeError} when a line is longer than `maximumBytes`
 * @throws {TypeError} when a line is not UTF-8
 */
export async function* readLines(
  stream: ReadableStream<Uint8Array>,
  maximumBytes: number,
): AsyncGenerator<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let parts: Uint8Array[] = [];
  let length = 0;
  for await (let chunk of stream) {
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10)) {
      parts.push(chunk.subarray(0, end));
      yield decoder.decode(join(parts));
      parts = [];
      length = 0;
      chunk = chunk.subarray(end + 1);
    }
    length += chunk.length;
    if (length > maximumBytes) throw new RangeError(`A line is longer than ${maximumBytes} bytes`);
    if (chunk.length > 0) parts.push(chunk);
  }
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  if (parts.length === 1) return parts[0]!;
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
