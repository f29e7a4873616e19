import type { Credentials } from "../../lib/control/authenticate.ts";

/** The key pair of that name, and the authority, as `bypath keys` has written them. */
export async function readCredentials(folder: string, name: string): Promise<Credentials> {
  const [ca = "", certificate = "", key = ""] = await Promise.all(
    ["ca.pem", `${name}.pem`, `${name}.key`].map((file) => Deno.readTextFile(`${folder}/${file}`)),
  );
  return { ca, certificate, key };
}
