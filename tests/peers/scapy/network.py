"""The lab as scapy sees it: packets in at one node, out at another, from one process.

A case is a function with a sentence; it fails by an AssertionError. `main` runs all cases for both
IP versions, via NAT and with bypass, and prints a JSON line for each.
"""

import ctypes
import itertools
import json
import os
import socket
import subprocess
import sys
import threading
import time
import traceback
from contextlib import contextmanager

from scapy.all import (
    IP, UDP, Ether, IPOption_NOP, IPv6, IPv6ExtHdrDestOpt, PadN, Raw, conf, raw
)

conf.verb = 0
LAB = sys.argv[1]
NETNS = ctypes.CDLL("libc.so.6", use_errno=True)
CLONE_NEWNET = 0x40000000
ETH_P_ALL = 3
PACKET_OUTGOING = 4
PATIENCE_S = 5

# Addresses that no kernel of the lab has: nobody but scapy answers for them.
CLIENTS = {4: ["198.51.100.77", "198.51.100.78"], 6: ["2001:db8:c::77", "2001:db8:c::78"]}
VIPS = {4: "203.0.113.10", 6: "2001:db8:f::10"}
SERVERS = {4: "10.0.0.11", 6: "2001:db8:10::11"}
SNAT_PREFIXES = ("10.0.1.", "2001:db8:1::")
# A router on the client's side; not the lab's own, whose kernel would not let its address pass.
ROUTERS = {4: "198.51.100.66", 6: "2001:db8:c::66"}
PORTS = {"via NAT": 9, "with bypass": 10}
SERVER_PORTS = {"via NAT": 9009, "with bypass": 9010}


@contextmanager
def inside(node):
    """Sockets made in here belong to the node."""
    with open("/proc/thread-self/ns/net") as home, open(f"/run/netns/{LAB}-{node}") as there:
        assert NETNS.setns(there.fileno(), CLONE_NEWNET) == 0
        try:
            yield
        finally:
            assert NETNS.setns(home.fileno(), CLONE_NEWNET) == 0


def ip(node, *arguments):
    subprocess.run(["ip", "-n", f"{LAB}-{node}", *arguments], check=True)


def mac(node, device):
    links = subprocess.run(
        ["ip", "-n", f"{LAB}-{node}", "-j", "link", "show", device],
        check=True, capture_output=True,
    )
    return json.loads(links.stdout)[0]["address"]


class Tap:
    """Keeps every packet that comes in by a device."""

    def __init__(self, node, device):
        with inside(node):
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        self.socket.bind((device, ETH_P_ALL))
        self.frames = []
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        while True:
            frame, (_, _, kind, _, _) = self.socket.recvfrom(65536)
            if kind != PACKET_OUTGOING:
                self.frames.append(frame)

    def packets(self, family, since=0):
        layer = IP if family == 4 else IPv6
        dissected = [Ether(frame) for frame in self.frames[since:]]
        # What a frame is padded with is not part of the packet.
        return [layer(trim(each[layer])) for each in dissected if layer in each]


def trim(packet):
    length = packet.len if packet.version == 4 else 40 + packet.plen
    return raw(packet)[:length]


def wait(what, look):
    """Looks until it gets something."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        found = look()
        if found:
            return found
        time.sleep(0.005)
    raise AssertionError(f"waited in vain for {what}")


class Lines:
    """Where packets are sent and seen; one for all worlds."""

    def __init__(self):
        for address in CLIENTS[4] + CLIENTS[6]:
            ip("router", "neigh", "replace", address, "lladdr", mac("client", "eth0"),
               "dev", "eth0", "nud", "permanent")
        self.client = Tap("client", "eth0")
        self.server = Tap("s1", "eth0")
        self.direct = Tap("router", "eth2")
        self.ethernet = Ether(src=mac("client", "eth0"), dst=mac("router", "eth0"))
        with inside("s1"):
            self.out = {
                4: socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW),
                6: socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_RAW),
            }


class World:
    """One IP version, one way of the responses, and a session of the first client."""

    def __init__(self, lines, family, way):
        self.lines, self.family, self.way = lines, family, way
        self.layer = IP if family == 4 else IPv6
        self.vip, self.port = VIPS[family], PORTS[way]
        self.server, self.server_port = SERVERS[family], SERVER_PORTS[way]
        self.router = ROUTERS[family]
        self.numbers = itertools.count(1)
        with inside("s1"):
            kind = socket.AF_INET if family == 4 else socket.AF_INET6
            self.listener = socket.socket(kind, socket.SOCK_DGRAM)
        self.listener.bind((self.server, self.server_port))
        self.listener.settimeout(PATIENCE_S)
        self.client, self.client_port = CLIENTS[family][0], 40000
        self.nat, self.nat_port = self.open(self.client, self.client_port)
        self.respond()

    def __str__(self):
        return f"IPv{self.family}, {self.way}"

    def token(self, length=32):
        """Content that nothing else has."""
        start = f"{self.family}{self.way[0]}{next(self.numbers):06d}".encode()
        return (start + bytes(range(256)) * (length // 256 + 1))[:length]

    def to_vip(self, client=None, **fields):
        return self.layer(src=client or self.client, dst=self.vip, **fields)

    def to_nat(self, **fields):
        return self.layer(src=self.server, dst=self.nat, **fields)

    def request(self, payload):
        """A datagram of the session."""
        return UDP(sport=self.client_port, dport=self.port) / Raw(payload)

    def response(self, payload):
        return UDP(sport=self.server_port, dport=self.nat_port) / Raw(payload)

    def from_client(self, *packets):
        """Sends them as they are on the client's wire."""
        for packet in packets:
            self.lines.client.socket.send(raw(self.lines.ethernet / packet))

    def from_server(self, *packets):
        """Sends them by the routing table of the server, that is to its agent where there is one."""
        for packet in packets:
            self.lines.out[self.family].sendto(raw(packet), (packet.dst, 0))

    def open(self, client, port):
        """Starts a session; its NAT endpoint."""
        payload = self.token()
        self.from_client(self.to_vip(client) / UDP(sport=port, dport=self.port) / Raw(payload))
        packet = self.at_server("the first packet", lambda each: payload in raw(each))[0]
        self.received()
        return packet.src, packet[UDP].sport

    def respond(self):
        """One response has passed, and where the session is to bypass, one has bypassed."""
        def look():
            payload = self.token()
            self.from_server(self.to_nat() / self.response(payload))
            time.sleep(0.05)
            line = self.lines.direct if self.way == "with bypass" else self.lines.client
            return [each for each in line.packets(self.family) if payload in raw(each)]
        wait("a response", look)

    def received(self):
        """The next datagram that the server's kernel hands to a program."""
        return self.listener.recv(65536)

    def at_server(self, what, accepts, since=0):
        return wait(f"{what} at the server", lambda: [
            each for each in self.lines.server.packets(self.family, since) if accepts(each)
        ])

    def at_client(self, what, accepts, since=0):
        return wait(f"{what} at the client", lambda: [
            each for each in self.lines.client.packets(self.family, since) if accepts(each)
        ])

    def drain(self):
        """Forgets what a case that failed has left."""
        self.listener.setblocking(False)
        try:
            while True:
                self.listener.recv(65536)
        except BlockingIOError:
            self.listener.settimeout(PATIENCE_S)

    def nothing_from_client(self, *packets):
        """Sends packets of which nothing may come to the server: the next ordinary one is the next."""
        since = self.after_request(self.token(), len(self.lines.server.frames))
        self.from_client(*packets)
        last = self.token()
        self.after_request(last, since)
        others = [each for each in self.lines.server.packets(self.family, since)
                  if each.src.startswith(SNAT_PREFIXES) and last not in raw(each)]
        assert others == [], f"came to the server: {[each.summary() for each in others]}"

    def after_request(self, content, since):
        """Sends an ordinary request, and sees it come; how many frames have come then."""
        self.from_client(self.to_vip() / self.request(content))
        self.at_server("an ordinary request", lambda each: content in raw(each), since)
        assert self.received() == content
        return len(self.lines.server.frames)

    def nothing_from_server(self, *packets):
        since = self.after_response(self.token(), len(self.lines.client.frames))
        self.from_server(*packets)
        last = self.token()
        self.after_response(last, since)
        others = [each for each in self.lines.client.packets(self.family, since)
                  if last not in raw(each) and not is_neighbour(each)]
        assert others == [], f"came to the client: {[each.summary() for each in others]}"

    def after_response(self, content, since):
        # By the NAT machine, as what has options always is: no overtaking.
        self.from_server(with_option(self.to_nat()) / self.response(content))
        self.at_client("an ordinary response", lambda each: content in raw(each), since)
        return len(self.lines.client.frames)


def is_neighbour(packet):
    return packet.version == 6 and packet.nh in (0, 58) and (
        packet.dst.startswith("ff") or packet.src.startswith("fe80") or
        packet.haslayer("ICMPv6ND_NS") or packet.haslayer("ICMPv6ND_NA")
    )


def with_option(packet):
    """The same with an IP option that means nothing."""
    if packet.version == 4:
        packet.options = [IPOption_NOP()] * 4
        return packet
    return packet / IPv6ExtHdrDestOpt(options=[PadN(optdata=bytes(4))])


def check_sums(packet):
    """Every checksum of a whole packet is the one that scapy computes."""
    again = packet.copy()
    for layer in layers(again):
        for field in ("chksum", "cksum"):
            if field in layer.fields:
                delattr(layer, field)
    again = type(packet)(raw(again))
    for was, now in zip(layers(packet), layers(again)):
        for field in ("chksum", "cksum"):
            if field in was.fields:
                words = f"{was.name}: {was.fields[field]:#x}, scapy says {now.fields[field]:#x}"
                assert was.fields[field] == now.fields[field], words


def layers(packet):
    found = []
    while packet:
        found.append(packet)
        packet = packet.payload
    return found


CASES = []


def case(sentence, families=(4, 6)):
    def add(function):
        CASES.append((sentence, families, function))
        return function
    return add


def main():
    lines = Lines()
    for family, way in itertools.product((4, 6), PORTS):
        world = World(lines, family, way)
        for sentence, families, function in CASES:
            if family not in families:
                continue
            try:
                world.drain()
                function(world)
                failure = None
            except AssertionError as error:
                failure = f"{error}" or traceback.format_exc()
            except Exception:  # The other cases are to be heard too.
                failure = traceback.format_exc()
            report = {"case": f"{sentence} ({world})", "failure": failure}
            print(json.dumps(report), flush=True)
        world.listener.close()
