/**
 * scapy builds packets that no kernel sends, and dissects what comes out on the other side: fragments,
 * options, ICMP errors with the packets that they quote, IPv6 extension headers. Its cases are in
 * `scapy/`, one program a subject; each runs for both IP versions, via NAT and with bypass.
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { runHost } from "../../lab/host_command.ts";
import { rootTest } from "../support/root_test.ts";
import { serviceOf, sharedLab } from "./support/peer_lab.ts";

/** Debian's, which has Debian's scapy. */
const PYTHON = "/usr/bin/python3";
const SUBJECTS = [
  { program: "fragments", words: "fragments in any order, overlapping, tiny" },
  { program: "options", words: "IPv4 and TCP options" },
  { program: "icmp", words: "ICMP errors and what they quote" },
  { program: "extension_headers", words: "IPv6 extension headers" },
];

/** Clients of port 9 stay with the NAT machine, those of port 10 bypass. */
const lab = sharedLab(async (lab) => {
  await lab.startNat((config) => {
    config.services = ([4, 6] as const).flatMap((family) =>
      (["udp", "tcp"] as const).flatMap((protocol) => [
        serviceOf({
          name: `nat-${protocol}${family}`,
          protocol,
          family,
          port: 9,
          serverPort: 9009,
          bypass: { never: true },
        }),
        serviceOf({
          name: `bypass-${protocol}${family}`,
          protocol,
          family,
          port: 10,
          serverPort: 9010,
          bypass: { immediately: true },
        }),
      ])
    );
  });
  await lab.startAgent("s1");
});

for (const { program, words } of SUBJECTS) {
  rootTest(`scapy: ${words}`, {
    capabilities: ["CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_SYS_ADMIN"],
    tools: ["scapy"],
  }, async (context) => {
    const path = fileURLToPath(new URL(`scapy/${program}.py`, import.meta.url));
    const { lab: { name } } = await lab();
    const { code, stdout, stderr } = await runHost([PYTHON, path, name], {
      env: { PYTHONDONTWRITEBYTECODE: "1" },
    });
    assert.equal(code, 0, stderr);
    const reports = stdout.trim().split("\n").map((line) => JSON.parse(line) as Report);
    for (const { case: sentence, failure } of reports) {
      await context.step(sentence, () => assert.equal(failure, null));
    }
  });
}

interface Report {
  readonly case: string;
  readonly failure: string | null;
}
