/** For announcer_test.ts: sends very many questions, and as many broken ones, by eth0. */
import { openPacketSocket } from "../linux/packet_socket.ts";
import { RouteNetlink } from "../linux/rtnetlink.ts";
import { arpFrame, solicitationFrame } from "./_test_frames.ts";
import { FrameSender } from "./frame_sender.ts";

const [v4 = "", v6 = ""] = Deno.args;
const mac = "02:00:00:00:00:77";
const questions = [
  arpFrame({ mac, from: "192.0.2.77", about: v4 }),
  solicitationFrame({ mac, from: "2001:db8:2::77", about: v6 }),
];
using netlink = new RouteNetlink();
const interfaceIndex = netlink.link("eth0")!.index;
using socket = openPacketSocket({ interfaceIndex, protocol: 0, vnetHeader: false });
using sender = new FrameSender();
let sent = 0;
for (let i = 0; i < 500; i++) {
  const broken = questions.map((frame) =>
    frame.with(Math.floor(Math.random() * frame.length), Math.floor(Math.random() * 256))
  );
  const frames = Array.from({ length: 8 }, () => [...questions, ...broken]).flat();
  sent += sender.send(socket.fd.number, frames);
}
console.log(sent);
