import assert from "node:assert/strict";
import { judgeCertificate, readIdentity } from "./certificate.ts";
import { initKeys, issueKeys } from "./keys.ts";

async function inDirectory(run: (directory: string) => Promise<void>): Promise<void> {
  const parent = await Deno.makeTempDir({ prefix: "bypath-keys-" });
  try {
    await run(`${parent}/keys`);
  } finally {
    await Deno.remove(parent, { recursive: true });
  }
}

const read = (path: string) => Deno.readTextFile(path);
const modeOf = async (path: string) => (await Deno.stat(path)).mode! & 0o777;
const der = (pem: string) =>
  Uint8Array.fromBase64(pem.replaceAll(/-----[A-Z ]+-----/g, "").replaceAll(/\s/g, ""));

Deno.test("initKeys() and issueKeys() write keys that only their owner reads", async () => {
  await inDirectory(async (directory) => {
    const authority = await initKeys(directory);
    const agent = await issueKeys(directory, { name: "s1", addresses: ["10.0.0.11"] });
    assert.equal(await modeOf(directory), 0o700);
    assert.equal(await modeOf(authority.keyPath), 0o600);
    assert.equal(await modeOf(agent.keyPath), 0o600);
    assert.match(await read(agent.keyPath), /^-----BEGIN PRIVATE KEY-----\n/);
    assert.match(await read(agent.certificatePath), /^-----BEGIN CERTIFICATE-----\n/);
  });
});

Deno.test("a certificate says its holder's name and addresses, of both families", async () => {
  await inDirectory(async (directory) => {
    await initKeys(directory);
    const { certificatePath } = await issueKeys(directory, {
      name: "s1.example-2",
      addresses: ["10.0.0.11", "2001:DB8:10:0::b"],
    });
    assert.deepEqual(await readIdentity(await read(certificatePath)), {
      name: "s1.example-2",
      addresses: ["10.0.0.11", "2001:db8:10::b"],
    });
  });
});

Deno.test("nothing is overwritten", async () => {
  await inDirectory(async (directory) => {
    const authority = await initKeys(directory);
    const before = await read(authority.keyPath);
    await assert.rejects(initKeys(directory), /Cannot write ".*ca\.pem": it exists already/);
    assert.equal(await read(authority.keyPath), before);
    const agent = await issueKeys(directory, { name: "s1", addresses: ["10.0.0.11"] });
    await Deno.remove(agent.certificatePath);
    await assert.rejects(
      issueKeys(directory, { name: "s1", addresses: ["10.0.0.11"] }),
      /Cannot write ".*s1\.key": it exists already/,
    );
    await assert.rejects(Deno.stat(agent.certificatePath), Deno.errors.NotFound);
  });
});

Deno.test("issueKeys() refuses names and addresses that are none, and a directory without authority", async () => {
  await inDirectory(async (directory) => {
    const issue = (name: string, ...addresses: string[]) =>
      issueKeys(directory, { name, addresses });
    await assert.rejects(
      issue("s1", "10.0.0.11"),
      /no authority in ".*", make one with "bypath keys init/,
    );
    await initKeys(directory);
    for (const name of ["", "ca", "../s1", "a/b", ".hidden", "a b", "x".repeat(65)]) {
      await assert.rejects(issue(name, "10.0.0.11"), SyntaxError);
    }
    await assert.rejects(issue("s1"), /need at least one address/);
    await assert.rejects(issue("s1", "10.0.0.256"), SyntaxError);
    assert.deepEqual([...Deno.readDirSync(directory)].map((file) => file.name).sort(), [
      "ca.key",
      "ca.pem",
    ]);
  });
});

Deno.test("issueKeys() notices a key of another authority", async () => {
  await inDirectory(async (directory) => {
    await initKeys(directory);
    await initKeys(directory + "2");
    await Deno.copyFile(`${directory}2/ca.key`, `${directory}/ca.key`);
    await assert.rejects(
      issueKeys(directory, { name: "s1", addresses: ["10.0.0.11"] }),
      /the authority's key does not belong to its certificate/,
    );
  });
});

Deno.test("judgeCertificate() tells authorities, times and roles apart", async () => {
  await inDirectory(async (directory) => {
    const other = directory + "2";
    const authorities = await read((await initKeys(directory)).certificatePath);
    await initKeys(other);
    const issue = async (where: string, name: string, role: "nat" | "agent" | "any") =>
      der(
        await read(
          (await issueKeys(where, { name, addresses: ["10.0.0.1"], role })).certificatePath,
        ),
      );
    const any = await issue(directory, "any", "any");
    const nat = await issue(directory, "nat", "nat");
    const agent = await issue(directory, "agent", "agent");
    const stranger = await issue(other, "stranger", "any");
    const judge = async (certificate: Uint8Array, role: "nat" | "agent", now = new Date()) => {
      const verdict = await judgeCertificate(certificate, { authorities, role, now });
      return verdict.kind === "accepted" ? verdict.identity.name : verdict.why;
    };
    assert.equal(await judge(any, "nat"), "any");
    assert.equal(await judge(any, "agent"), "any");
    assert.equal(await judge(nat, "nat"), "nat");
    assert.equal(await judge(agent, "agent"), "agent");
    assert.equal(await judge(nat, "agent"), 'the certificate of "nat" is not one of an agent');
    assert.equal(
      await judge(agent, "nat"),
      'the certificate of "agent" is not one of a NAT machine',
    );
    assert.equal(
      await judge(stranger, "agent"),
      'the certificate of "stranger" is signed by another authority',
    );
    assert.match(await judge(any, "nat", new Date("2100-01-01")), /ended on 20/);
    assert.match(await judge(any, "nat", new Date("2000-01-01")), /is not valid before 20/);
    assert.equal(await judge(new Uint8Array(9), "nat"), "its certificate cannot be read");
    for (const bit of [0, 60, any.length * 4, any.length * 8 - 1]) {
      const changed = Uint8Array.from(any);
      changed[bit >> 3]! ^= 1 << (bit & 7);
      assert.match(await judge(changed, "nat"), /cannot be read|another authority/);
    }
  });
});
