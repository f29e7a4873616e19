/**
 * For announcer_test.ts, because a namespace needs a process: an announcer on eth0. It does what
 * the lines of its standard input say, and answers each with a line of JSON.
 */
import { RouteNetlink } from "../linux/rtnetlink.ts";
import { parseAddressRange } from "../wire/prefix.ts";
import { openAnnouncer } from "./announcer.ts";

const conflicts: string[] = [];
const failures: string[] = [];
using netlink = new RouteNetlink();
await using announcer = openAnnouncer({
  interfaces: ["eth0"],
  addresses: Deno.args.map(parseAddressRange),
  netlink,
  onConflict: ({ address, mac, interface: name }) => conflicts.push(`${address} ${mac} ${name}`),
  onFailure: (message) => failures.push(message),
  roundMs: 50,
});
answer();

for await (const text of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
  for (const line of text.trim().split("\n")) {
    const [verb, ...ranges] = line.split(" ");
    if (verb === "announce") await announcer.announce();
    else if (verb === "set") announcer.setAddresses(ranges.map(parseAddressRange));
    else if (verb === "close") await announcer[Symbol.asyncDispose]();
    answer();
  }
}

function answer(): void {
  console.log(JSON.stringify({ answered: announcer.answered, conflicts, failures }));
}
