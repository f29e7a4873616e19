"""IPv4 options and TCP options, in requests and responses."""

from network import World, case, check_sums, main
from scapy.all import (
    IP, TCP, UDP, IPOption, IPOption_EOL, IPOption_LSRR, IPOption_NOP, IPOption_RR,
    IPOption_Router_Alert, IPOption_SSRR, Raw, in4_chksum, in6_chksum, raw
)
from scapy.utils import checksum

# What the lab's router would fill in, it finds full.
HARMLESS = {
    "40 bytes of no operation": [IPOption_NOP()] * 40,
    "a full record route": [IPOption_RR(pointer=40, routers=["192.0.2.200"] * 9)],
    "router alert": [IPOption_Router_Alert()],
    "an unknown option": [IPOption(b"\x9e\x06abcd"), IPOption_NOP(), IPOption_NOP()],
    "the end": [IPOption_EOL()],
}
SOURCE_ROUTES = [
    [IPOption_LSRR(routers=["192.0.2.1"])],
    [IPOption_SSRR(routers=["192.0.2.1"])],
    [IPOption_NOP(), IPOption_LSRR(pointer=8, routers=["192.0.2.1"])],
]
# Type 30 with lengths that cannot be.
BROKEN = [b"\x1e\x00\x00\x00", b"\x1e\x01\x00\x00", b"\x1e\x05\x00\x00", b"\x01\x01\x01\x1e"]
TCP_OPTIONS = {
    "MSS of 5 bytes": b"\x02\x05\x05\xb4\x00\x01\x01\x00",
    "MSS twice": b"\x02\x04\x05\xb4\x02\x04\x00\x10",
    "length 0": b"\x02\x00\x05\xb4",
    "past the end": b"\x03\xff\x07\x00",
    "MD5": b"\x13\x12" + bytes(range(16)) + b"\x01\x01",
    "unknown": b"\xfd\x04\xf9\x89",
    "40 bytes": b"\x01" * 40,
}


def options_of(packet):
    return raw(packet)[20:4 * packet.ihl]


def request(world: World, content, **fields):
    return IP(raw(world.to_vip(**fields) / world.request(content)))


@case("options pass untouched, in requests", families=(4,))
def _(world):
    for name, options in HARMLESS.items():
        content = world.token()
        sent = request(world, content, options=options)
        since = len(world.lines.server.frames)
        world.from_client(sent)
        came = world.at_server(name, lambda each: content in raw(each), since)[0]
        assert options_of(came) == options_of(sent), f"{name}: {options_of(came).hex()}"
        assert world.received() == content
        check_sums(came)


@case("options pass untouched, in responses", families=(4,))
def _(world):
    for name, options in HARMLESS.items():
        content = world.token()
        sent = IP(raw(world.to_nat(options=options) / world.response(content)))
        since = len(world.lines.client.frames)
        world.from_server(sent)
        came = world.at_client(name, lambda each: content in raw(each), since)[0]
        assert options_of(came) == options_of(sent), f"{name}: {options_of(came).hex()}"
        assert (came.src, came[UDP].sport) == (world.vip, world.port)
        check_sums(came)


@case("source routes go nowhere", families=(4,))
def _(world):
    world.nothing_from_client(*[
        request(world, world.token(), options=options) for options in SOURCE_ROUTES
    ])


@case("options with impossible lengths go nowhere", families=(4,))
def _(world):
    packets = []
    for options in BROKEN:
        packet = request(world, world.token())
        header = bytearray(raw(packet)[:20]) + options
        header[0] = 0x46
        header[2:4] = (len(raw(packet)) + 4).to_bytes(2, "big")
        header[10:12] = bytes(2)
        header[10:12] = checksum(bytes(header)).to_bytes(2, "big")
        packets.append(Raw(bytes(header) + raw(packet)[20:]))
    world.nothing_from_client(*packets)


@case("TCP options, sensible or not, pass untouched")
def _(world):
    for number, (name, options) in enumerate(TCP_OPTIONS.items()):
        port = 50000 + number
        fields = {"sport": port, "dport": world.port, "flags": "S", "seq": 7, "urgptr": 9}
        segment = bytearray(raw(TCP(dataofs=5 + len(options) // 4, **fields))) + options
        segment += world.token(8)
        sent = world.to_vip() / Raw(bytes(segment))
        if world.family == 4:
            sent.proto = 6
        else:
            sent.nh = 6
        sent = world.layer(raw(sent))
        segment[16:18] = l4_checksum(sent, bytes(segment)).to_bytes(2, "big")
        since = len(world.lines.server.frames)
        world.from_client(world.layer(raw(sent)[:-len(segment)] + bytes(segment)))
        content = bytes(segment[20:])
        came = world.at_server(name, lambda each: content in raw(each), since)[0]
        got = raw(came.payload)
        assert got[4:16] == segment[4:16] and got[18:] == segment[18:], name
        assert l4_checksum(came, got[:16] + bytes(2) + got[18:]) == int.from_bytes(got[16:18], "big")


def l4_checksum(packet, segment):
    """Of a TCP segment between the ends of a packet, by scapy's arithmetic."""
    if packet.version == 4:
        return in4_chksum(6, packet, segment)
    return in6_chksum(6, packet, segment)


main()
