import assert from "node:assert/strict";
import { initKeys, issueKeys } from "./keys.ts";
import { readOwnIdentity } from "./own_identity.ts";

Deno.test("a machine's own files are judged before anybody else sees them", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const [one, two] = [`${folder}/one`, `${folder}/two`];
    for (const directory of [one, two]) {
      await initKeys(directory);
      for (const name of ["nat", "s1"]) {
        await issueKeys(directory, { name, addresses: ["10.0.0.11"] });
      }
    }
    const files = (ca: string, certificate: string, key: string) => ({
      ca: `${ca}/ca.pem`,
      certificate: `${certificate}.pem`,
      key: `${key}.key`,
    });
    const { identity } = await readOwnIdentity(files(one, `${one}/s1`, `${one}/s1`), "agent");
    assert.deepEqual([identity.name, identity.addresses], ["s1", ["10.0.0.11"]]);
    const refused = (wrong: ReturnType<typeof files>, why: RegExp) =>
      assert.rejects(readOwnIdentity(wrong, "agent"), why);
    await refused(files(two, `${one}/s1`, `${one}/s1`), /signed by another authority/);
    await refused(files(one, `${one}/s1`, `${one}/nat`), /is not the key of .*s1\.pem/);
    await refused(files(one, `${one}/s1`, `${one}/none`), /none\.key: there is no such file/);
    await Deno.writeTextFile(`${folder}/text.key`, "no key");
    await refused(files(one, `${one}/s1`, `${folder}/text`), /not a private key/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
