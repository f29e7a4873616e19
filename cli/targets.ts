import type { Refusing } from "./command.ts";

/** Ends in a usage error unless each value that was given is `ADDRESS`, `ADDRESS:PORT` or `[ADDRESS]:PORT`. */
export async function checkTargets(
  command: Refusing,
  values: Readonly<Record<string, string | undefined>>,
): Promise<void> {
  for (const [name, text] of Object.entries(values)) {
    if (text !== undefined && !await isTarget(text)) {
      command.error(`"${text}" of ${name} is neither ADDRESS nor ADDRESS:PORT`);
    }
  }
}

async function isTarget(text: string): Promise<boolean> {
  const { IpAddress, parseEndpoint } = await import("../lib/wire/address.ts");
  return [IpAddress.parse, parseEndpoint].some((parse) => {
    try {
      parse(text);
      return true;
    } catch {
      return false;
    }
  });
}
