"""ICMP errors about packets of a session, from both sides, with the packets that they quote."""

import time

from network import World, case, check_sums, main
from scapy.all import (
    ICMP, IP, TCP, UDP, ICMPv6DestUnreach, ICMPv6PacketTooBig, ICMPv6ParamProblem,
    ICMPv6TimeExceeded, IPv6, Raw, raw
)
from scapy.contrib.icmp_extensions import ICMPExtensionHeader, ICMPExtensionMPLS
from scapy.contrib.mpls import MPLS
from scapy.utils import checksum

OTHER_ROUTER = {4: "192.0.2.77", 6: "2001:db8:77::1"}
SMALL_MTU = 1280


def kinds(family):
    """Errors of every kind that is to be passed on, each with what to call it."""
    if family == 4:
        codes = [(3, code) for code in range(16) if code != 4]
        codes += [(11, 0), (11, 1), (12, 0), (12, 1), (12, 2)]
        return [(f"{kind}/{code}", ICMP(type=kind, code=code)) for kind, code in codes]
    return [(f"1/{code}", ICMPv6DestUnreach(code=code)) for code in range(8)] + \
        [(f"3/{code}", ICMPv6TimeExceeded(code=code)) for code in range(2)] + \
        [(f"4/{code}", ICMPv6ParamProblem(code=code, ptr=40)) for code in range(3)]


def too_big(family):
    if family == 4:
        return ICMP(type=3, code=4, nexthopmtu=SMALL_MTU)
    return ICMPv6PacketTooBig(mtu=SMALL_MTU)


def answered(world: World, payload):
    """What the client got from the server, as it was on its wire, and what the server sent."""
    return world.layer(raw(world.layer(src=world.vip, dst=world.client) / UDP(
        sport=world.port, dport=world.client_port) / Raw(payload)))


def asked(world: World, payload):
    """What the server got from the client."""
    return world.layer(raw(world.layer(src=world.nat, dst=world.server) / UDP(
        sport=world.nat_port, dport=world.server_port) / Raw(payload)))


def is_error(token):
    """Whether a packet is an ICMP error that quotes that content."""
    return lambda each: token in raw(each) and \
        (each.proto == 1 if each.version == 4 else each.nh == 58)


def judge(world, error, sent, ends, endpoints):
    """The error `sent` came out as `error`: its ends, and the quoted packet's."""
    time.sleep(0.01)  # Errors are rate limited.
    assert (error.src, error.dst) == ends, f"{error.src} > {error.dst}"
    header = 20 if world.family == 4 else 40
    was, now = raw(sent)[header:header + 8], raw(error)[header:header + 8]
    assert was[:2] + was[4:] == now[:2] + now[4:], f"{was.hex()} became {now.hex()}"
    check_sums(error)
    quote = world.layer(raw(error.payload.payload))
    source, destination = endpoints
    assert (quote.src, quote[UDP].sport) == source, quote.summary()
    assert (quote.dst, quote[UDP].dport) == destination, quote.summary()
    # The quoted packet is whole, so that its checksums can be computed.
    check_sums(quote)


@case("errors of every kind about a response reach the server, from any router and from the client")
def _(world):
    for number, (name, error) in enumerate(kinds(world.family)):
        sources = [world.router, OTHER_ROUTER[world.family], world.client]
        for source in sources if number == 0 else [sources[number % 3]]:
            token = world.token(48)
            sent = world.layer(raw(world.layer(src=source, dst=world.vip) / error / answered(world, token)))
            since = len(world.lines.server.frames)
            world.from_client(sent)
            came = world.at_server(f"{name} from {source}", is_error(token), since)
            # The server knows the client by its NAT endpoint alone.
            shown = world.nat if source == world.client else source
            judge(world, came[0], sent, (shown, world.server), (
                (world.server, world.server_port), (world.nat, world.nat_port)))


@case("errors of every kind about a request reach the client, from the VIP, whoever sent them")
def _(world):
    for name, error in kinds(world.family):
        token = world.token(48)
        sent = world.layer(raw(world.to_nat() / error / asked(world, token)))
        since = len(world.lines.client.frames)
        world.from_server(sent)
        came = world.at_client(name, is_error(token), since)
        judge(world, came[0], sent, (world.vip, world.client), (
            (world.client, world.client_port), (world.vip, world.port)))


@case("a datagram that was too big is told to the server with the MTU that it says")
def _(world):
    token = world.token(1300)
    sent = world.layer(raw(
        world.layer(src=world.router, dst=world.vip) / too_big(world.family) / answered(world, token)))
    # A router quotes no more than fits.
    since = len(world.lines.server.frames)
    world.from_client(sent)
    came = world.at_server("it", is_error(token[:16]), since)
    judge(world, came[0], sent, (world.router, world.server), (
        (world.server, world.server_port), (world.nat, world.nat_port)))


@case("extensions (RFC 4884) reach the server as they were", families=(4,))
def _(world):
    token = world.token(100)
    quote = raw(answered(world, token))
    assert len(quote) == 128
    labels = ICMPExtensionMPLS(len=8, stack=[MPLS(label=77, cos=1, s=1, ttl=9)])
    extension = raw(ICMPExtensionHeader(chksum=0) / labels)
    extension = raw(ICMPExtensionHeader(chksum=checksum(extension)) / labels)
    error = ICMP(type=11, code=0, length=len(quote) // 4)
    sent = IP(raw(IP(src=world.router, dst=world.vip) / error / Raw(quote + extension)))
    since = len(world.lines.server.frames)
    world.from_client(sent)
    came = world.at_server("it", is_error(token), since)[0]
    assert raw(came)[20 + 8 + 128:] == extension
    assert raw(came)[20 + 5] == 32


@case("errors that nobody can have asked for change nothing")
def _(world):
    def about(quote, error=None):
        whole = world.layer(src=world.router, dst=world.vip) / (error or kinds(world.family)[1][1]) / quote
        return world.layer(raw(whole))

    stranger = answered(world, world.token())
    stranger[UDP].dport += 1
    wrong_sum = about(answered(world, world.token()))
    wrong_sum = world.layer(bytes(raw(wrong_sum)[:-1]) + bytes([raw(wrong_sum)[-1] ^ 1]))
    about_error = about(about(answered(world, world.token())))
    absurd = about(answered(world, world.token()), ICMP(type=3, code=4, nexthopmtu=20)
                   if world.family == 4 else ICMPv6PacketTooBig(mtu=600))
    short = world.layer(raw(world.layer(src=world.router, dst=world.vip) / kinds(world.family)[1][1] /
                            Raw(raw(answered(world, world.token()))[:24])))
    foreign = about(world.layer(src="203.0.113.99" if world.family == 4 else "2001:db8:f::99",
                                dst=world.client) / UDP(sport=world.port, dport=world.client_port))
    segment = about(world.layer(src=world.vip, dst=world.client) / TCP(
        sport=world.port, dport=world.client_port, seq=1))
    world.nothing_from_client(stranger, wrong_sum, about_error, absurd, short, foreign, segment)


@case("source quench, redirects and queries go nowhere", families=(4,))
def _(world):
    quote = answered(world, world.token())
    outer = IP(src=world.router, dst=world.vip)
    world.nothing_from_client(
        outer / ICMP(type=4) / quote,
        outer / ICMP(type=5, code=1, gw="198.51.100.99") / quote,
        outer / ICMP(type=9), outer / ICMP(type=10), outer / ICMP(type=13),
        outer / ICMP(type=15), outer / ICMP(type=17), outer / ICMP(type=0),
    )


main()
