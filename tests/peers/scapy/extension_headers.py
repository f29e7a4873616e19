"""IPv6 extension headers, in requests and responses."""

from network import case, check_sums, main
from scapy.all import (
    AH, HBHOptUnknown, IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrHopByHop, IPv6ExtHdrRouting, IPv6ExtHdrSegmentRouting,
    PadN, Raw, RouterAlert, UDP, raw
)


def padding(length):
    """An option that nobody knows and everybody has to skip; Linux takes no PadN of that length."""
    return [HBHOptUnknown(otype=0x1e, optdata=bytes(length))]


# Linux takes none unless it is told to.
USED_UP = "a routing header that is used up"
PASS = {
    "destination options": lambda: IPv6ExtHdrDestOpt(options=padding(4)),
    "hop-by-hop options": lambda: IPv6ExtHdrHopByHop(options=padding(4)),
    "router alert": lambda: IPv6ExtHdrHopByHop(options=[RouterAlert(value=0), PadN()]),
    "both": lambda: IPv6ExtHdrHopByHop(options=padding(12)) / IPv6ExtHdrDestOpt(options=padding(20)),
    "long ones": lambda: IPv6ExtHdrDestOpt(options=padding(244)),
    USED_UP: lambda: IPv6ExtHdrSegmentRouting(
        addresses=["2001:db8:99::1"], segleft=0, lastentry=0),
}
DROP = {
    "routing header of type 0": lambda: IPv6ExtHdrRouting(
        type=0, addresses=["2001:db8:99::1"], segleft=1),
    "used up routing header of type 0": lambda: IPv6ExtHdrRouting(
        type=0, addresses=["2001:db8:99::1"], segleft=0),
    "routing header still to be followed": lambda: IPv6ExtHdrSegmentRouting(
        addresses=["2001:db8:99::1"], segleft=1, lastentry=0),
    "hop-by-hop options in second place": lambda: IPv6ExtHdrDestOpt(options=padding(4)) /
    IPv6ExtHdrHopByHop(options=padding(4)),
    "more headers than anybody needs": lambda: chain(9),
    "headers past the end": lambda: IPv6ExtHdrDestOpt(len=200, options=padding(4)),
    "no next header": lambda: IPv6ExtHdrDestOpt(nh=59, options=padding(4)),
}


def chain(count):
    headers = IPv6ExtHdrDestOpt(options=padding(4))
    for _ in range(count - 1):
        headers = headers / IPv6ExtHdrDestOpt(options=padding(4))
    return headers


def between(packet):
    """What lies between the IPv6 header and UDP."""
    return raw(packet)[40:-len(raw(packet[UDP]))]


@case("extension headers pass untouched, in requests", families=(6,))
def _(world):
    for name, header in PASS.items():
        content = world.token()
        sent = IPv6(raw(world.to_vip() / header() / world.request(content)))
        since = len(world.lines.server.frames)
        world.from_client(sent)
        came = world.at_server(name, lambda each: content in raw(each), since)[0]
        assert between(came) == between(sent), f"{name}: {between(came).hex()}"
        assert (came.src, came[UDP].sport) == (world.nat, world.nat_port)
        if name != USED_UP:
            assert world.received() == content, name
        check_sums(came)


@case("extension headers pass untouched, in responses", families=(6,))
def _(world):
    for name, header in PASS.items():
        content = world.token()
        sent = IPv6(raw(world.to_nat() / header() / world.response(content)))
        since = len(world.lines.client.frames)
        world.from_server(sent)
        came = world.at_client(name, lambda each: content in raw(each), since)[0]
        assert between(came) == between(sent), f"{name}: {between(came).hex()}"
        assert (came.src, came[UDP].sport) == (world.vip, world.port)
        check_sums(came)


@case("extension headers that are forbidden, or too many, or too long go nowhere", families=(6,))
def _(world):
    world.nothing_from_client(*[
        world.to_vip() / header() / world.request(world.token()) for header in DROP.values()
    ])


@case("what is authenticated or encrypted goes nowhere", families=(6,))
def _(world):
    world.nothing_from_client(
        world.to_vip() / AH(spi=1, seq=1, icv=bytes(12)) / world.request(world.token()),
        world.to_vip(nh=50) / Raw(world.token()),
    )


main()
