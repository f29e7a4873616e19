"""Fragments in odd orders, twice, overlapping, tiny: of requests and of responses."""

import itertools

from network import CLIENTS, World, case, check_sums, main, wait
from scapy.all import (
    IP, TCP, UDP, IPv6, IPv6ExtHdrFragment, Raw, defragment, defragment6, fragment, fragment6, raw
)

PIECE = 1024


def pieces(world: World, packet, size=PIECE):
    """Fragments that carry so many bytes each."""
    identification = next(world.numbers)
    if world.family == 4:
        packet.id = identification
        return fragment(packet, fragsize=size)
    header = IPv6ExtHdrFragment(id=identification)
    whole = IPv6(src=packet.src, dst=packet.dst) / header / packet.payload
    return fragment6(IPv6(raw(whole)), size + 48)


def joined(world, packets):
    """The datagram that fragments make, by scapy's own reassembly."""
    # scapy's own wants those of IPv6 in order.
    in_order = sorted(packets, key=offset)
    found = defragment(packets) if world.family == 4 else [defragment6(in_order)]
    whole = [each for each in found if UDP in each]
    assert len(whole) == 1, f"fragments of {len(whole)} datagrams"
    return whole[0]


def is_fragment(packet):
    return (packet.frag or packet.flags.MF) if packet.version == 4 else IPv6ExtHdrFragment in packet


def orders(every):
    """Of four fragments; some of them where another way has shown the rest."""
    return list(itertools.permutations(range(4)))[::1 if every else 5]


def offset(packet):
    return packet.frag if packet.version == 4 else packet[IPv6ExtHdrFragment].offset


def four(look, since):
    """What `look` sees once it sees four fragments."""
    return wait("four fragments", lambda: len(found := look("fragments", is_fragment, since)) >= 4 and found)


def piece(world, packet, at, length, more):
    """One fragment of a packet's payload, any part of it."""
    content = raw(packet.payload)[at:at + length]
    if world.family == 4:
        fields = {"id": packet.id, "proto": packet.proto, "frag": at // 8}
        return IP(src=packet.src, dst=packet.dst, flags="MF" if more else 0, **fields) / Raw(content)
    header = IPv6ExtHdrFragment(id=packet.fl, offset=at // 8, m=int(more), nh=packet.nh)
    return IPv6(src=packet.src, dst=packet.dst) / header / Raw(content)


def numbered(world, packet):
    """A packet with checksums filled in and an identification for `piece`."""
    number = next(world.numbers)
    packet = type(packet)(raw(packet))
    if world.family == 4:
        packet.id = number
    else:
        packet.fl = number
    return packet


@case("requests come in every order of four fragments, and arrive whole")
def _(world):
    for order in orders(world.way == "via NAT"):
        payload = world.token(3500)
        since = len(world.lines.server.frames)
        parts = pieces(world, world.to_vip() / world.request(payload))
        assert len(parts) == 4
        world.from_client(*[parts[i] for i in order])
        assert world.received() == payload, order
        whole = joined(world, four(world.at_server, since))
        assert (whole[UDP].sport, whole[UDP].dport) == (world.nat_port, world.server_port)
        assert raw(whole[UDP].payload) == payload
        check_sums(whole)


@case("responses come in every order of four fragments, and arrive whole")
def _(world):
    for order in orders(world.way == "with bypass"):
        payload = world.token(3500)
        since = len(world.lines.client.frames)
        parts = pieces(world, world.to_nat() / world.response(payload))
        world.from_server(*[parts[i] for i in order])
        came = four(world.at_client, since)
        whole = joined(world, came)
        assert (whole.src, whole.dst) == (world.vip, world.client)
        assert (whole[UDP].sport, whole[UDP].dport) == (world.port, world.client_port)
        assert raw(whole[UDP].payload) == payload, order
        check_sums(whole)


@case("fragments that come twice are passed on once")
def _(world):
    payload = world.token(3500)
    since = len(world.lines.server.frames)
    parts = pieces(world, world.to_vip() / world.request(payload))
    world.from_client(parts[0], parts[0], parts[2], parts[2], parts[1], parts[1], parts[3])
    assert world.received() == payload
    came = four(world.at_server, since)
    assert len(came) == 4, f"{len(came)} fragments"


@case("two clients' fragments with one identification, mixed, make two datagrams")
def _(world):
    other = CLIENTS[world.family][1]
    payloads = [world.token(3500), world.token(3500)]
    number = next(world.numbers)
    trains = []
    for client, payload in zip((world.client, other), payloads):
        packet = numbered(world, world.to_vip(client) / world.request(payload))
        if world.family == 4:
            packet.id = number
        else:
            packet.fl = number
        length = len(raw(packet.payload))
        trains.append([piece(world, packet, at, PIECE, at + PIECE < length)
                       for at in range(0, length, PIECE)])
    world.from_client(*[part for pair in zip(*trains) for part in pair])
    assert {world.received(), world.received()} == set(payloads)


@case("a datagram whose fragments overlap does not arrive")
def _(world):
    size = 512
    for at, length in ((size - 8, size), (size + 8, 8), (0, 2 * size)):
        packet = numbered(world, world.to_vip() / world.request(world.token(3 * size - 8)))
        world.from_client(
            piece(world, packet, 0, size, True),
            piece(world, packet, size, size, True),
            piece(world, packet, at, length, True),
            piece(world, packet, 2 * size, size, False),
        )
        last = world.token()
        world.from_client(world.to_vip() / world.request(last))
        assert world.received() == last, "the datagram arrived"


@case("fragments without a first one go nowhere")
def _(world):
    packet = numbered(world, world.to_vip() / world.request(world.token(3 * PIECE - 8)))
    world.nothing_from_client(
        piece(world, packet, 2 * PIECE, PIECE, False),
        piece(world, packet, PIECE, PIECE, True),
    )
    packet = numbered(world, world.to_nat() / world.response(world.token(3 * PIECE - 8)))
    world.nothing_from_server(
        piece(world, packet, 2 * PIECE, PIECE, False),
        piece(world, packet, PIECE, PIECE, True),
    )


@case("a first fragment too short for its header, and one that reaches into it, go nowhere")
def _(world):
    segment = TCP(sport=world.client_port, dport=world.port, flags="S") / Raw(bytes(40))
    packet = numbered(world, world.to_vip() / segment)
    world.nothing_from_client(
        piece(world, packet, 0, 8, True),
        piece(world, packet, 0, 16, True),
        piece(world, packet, 8, 16, False),
    )


@case("fragments that end on no multiple of 8, or past 65,535 bytes, go nowhere")
def _(world):
    packet = numbered(world, world.to_vip() / world.request(world.token(PIECE)))
    long = piece(world, packet, 0, PIECE, True)
    if world.family == 4:
        long.frag = 8190
    else:
        long[IPv6ExtHdrFragment].offset = 8190
    world.nothing_from_client(piece(world, packet, 0, 1001, True), long)


@case("an atomic fragment is a whole packet", families=(6,))
def _(world):
    header = IPv6ExtHdrFragment(id=next(world.numbers))
    payload = world.token()
    world.from_client(world.to_vip() / header / world.request(payload))
    assert world.received() == payload
    since = len(world.lines.client.frames)
    payload = world.token()
    world.from_server(world.to_nat() / header / world.response(payload))
    came = world.at_client("it", lambda each: payload in raw(each), since)
    check_sums(came[0])


main()
