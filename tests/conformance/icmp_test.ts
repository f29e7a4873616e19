/** What the kernels at both ends make of the ICMP that the NAT machine answers and translates. */
import assert from "node:assert/strict";
import { BypathLab } from "../../lab/bypath_lab.ts";
import { haveIpv6 } from "../../lab/ipv6.ts";
import { ADDRESSES, ADDRESSES6 } from "../../lab/topology.ts";
import { Together } from "../support/together.ts";

const together = new Together(2);

const NEEDS = { tools: ["ip", "ping", "bash", "tcpdump"] } as const;
const STREAM_PORT = 9000;
const NOBODYS_PORT = 81;

/** A lab in which no server program runs. */
async function labWithoutServers(echo = true): Promise<BypathLab> {
  const lab = await BypathLab.up();
  await lab.startNat((config) => config.echo = echo);
  await lab.startAgents();
  return lab;
}

async function atClient(lab: BypathLab, ...argv: string[]): Promise<string> {
  const { stdout, stderr } = await lab.lab.run("client", argv);
  return stdout + stderr;
}

/** Sends two datagrams by one connected socket: the second finds the answer to the first. */
async function sendTwice(lab: BypathLab, host: string, port: number): Promise<string> {
  const script = `exec 3<>/dev/udp/${host}/${port}; echo one >&3; sleep 0.3; echo two >&3`;
  return await atClient(lab, "bash", "-c", script);
}

for (const family of haveIpv6() ? [4, 6] as const : [4] as const) {
  const { vip } = family === 4 ? ADDRESSES : ADDRESSES6;

  together.test(
    `IPv${family}: ping finds the VIP, with small, large and fragmented packets`,
    NEEDS,
    async () => {
      await using lab = await labWithoutServers();
      for (const size of ["56", "1400", "20000"]) {
        const told = await atClient(
          lab,
          "ping",
          `-${family}`,
          "-c5",
          "-i0.05",
          "-W2",
          "-s",
          size,
          vip,
        );
        assert.match(told, /5 packets transmitted, 5 received, 0% packet loss/, told);
        assert.doesNotMatch(told, /wrong data|DUP/, told);
      }
    },
  );

  together.test(`IPv${family}: with echo: false the VIP is silent`, NEEDS, async () => {
    await using lab = await labWithoutServers(false);
    const told = await atClient(lab, "ping", `-${family}`, "-c2", "-i0.05", "-W1", vip);
    assert.match(told, /2 packets transmitted, 0 received, 100% packet loss/, told);
  });

  together.test(
    `IPv${family}: a server's port without a program refuses the client, who sees no inner address`,
    NEEDS,
    async () => {
      await using lab = await labWithoutServers();
      const tcpdump = ["tcpdump", "-i", "eth0", "-nn", "-v", "-l", family === 4 ? "icmp" : "icmp6"];
      const capture = lab.lab.start("client", tcpdump);
      await capture.waitForLine((line) => line.includes("listening"), { stream: "stderr" });
      assert.match(await sendTwice(lab, vip, STREAM_PORT), /refused/);
      await capture.waitForLine((line) => /unreachable.*port|port.*unreachable/i.test(line));
      const told = capture.stdout.lines.join("\n");
      assert.match(told, new RegExp(`${vip.replaceAll(".", "\\.")} > `), told);
      assert.doesNotMatch(told, family === 4 ? /\b10\.0\.\d/ : /2001:db8:10?::/, told);
      assert.doesNotMatch(told, /wrong|bad cksum|incorrect/, told);
    },
  );

  together.test(
    `IPv${family}: a port of the VIP that no service has refuses at once`,
    NEEDS,
    async () => {
      await using lab = await labWithoutServers();
      assert.match(await sendTwice(lab, vip, NOBODYS_PORT), /refused/);
      const connect = `exec 3<>/dev/tcp/${vip}/${NOBODYS_PORT}`;
      const started = performance.now();
      assert.match(await atClient(lab, "bash", "-c", connect), /refused/);
      assert.ok(performance.now() - started < 900, "no waiting for a timeout");
      const status = await lab.status();
      assert.ok(status.packets.dropped.noService! >= 2);
    },
  );
}
