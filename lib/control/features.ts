/**
 * What a program can do beyond the protocol's first version. Messages are strict, so whoever does not know
 * one ends the connection: nothing new may be sent to a program that has not said that it knows it. It says
 * so in the `program` of its greeting, as products are named in HTTP (RFC 9110 section 10.1.5):
 * `bypath 0.1.0 capture/1`.
 *
 * @module
 */

const FEATURES = ["capture/1"] as const;

/** The `program` of this one. */
export function programText(version: string): string {
  return [`bypath ${version}`, ...FEATURES].join(" ");
}

/** Whether the program says that it can. */
export function hasFeature(program: string, feature: (typeof FEATURES)[number]): boolean {
  return program.split(" ").includes(feature);
}

/** The program without its features, for people. */
export function plainProgram(program: string): string {
  return program.split(" ").filter((word) => !word.includes("/")).join(" ");
}
