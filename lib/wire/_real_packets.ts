/**
 * Packets as a packet socket with PACKET_VNET_HDR on a veth device delivered them (Linux 6.18): virtio_net_hdr, Ethernet
 * header, packet. Long payloads are made anew.
 *
 * @module
 */

import { fromHex } from "./_test_support.ts";

/** A client opens a connection. The checksum is partial: 0x54a2 is the sum of the pseudo-header. */
export const TCP_SYN_V4 = fromHex(`
  01 00 0000 0000 2200 1000              # NEEDS_CSUM, csum_start 34, csum_offset 16
  020000000001 020000000002 0800         # Ethernet: IPv4
  45 00 003c bfc7 4000 40 06 2681        # 60 bytes, id 0xbfc7, DF, TTL 64, TCP
  c6336402 c633640a                      # 198.51.100.2 > 198.51.100.10
  a93e 0050 4d98e68a 00000000            # 43326 > 80, sequence, no acknowledgement
  a0 02 faf0 54a2 0000                   # 40 bytes, SYN, window 64240
  020405b4 0402080a 4a0d580f 00000000 0103030a  # MSS 1460, SACK permitted, timestamp, window scale
`);

/** 7,240 bytes of a response in one super-packet that is cut into 5 segments of 1,448. */
export const TCP_SUPER_PACKET_V4 = concat(
  fromHex(`
    01 01 4200 a805 2200 1000            # NEEDS_CSUM, TCPV4, hdr_len 66, gso_size 1448
    020000000002 020000000001 0800
    45 00 1c7c 00aa 4000 40 06 c95e      # 7292 bytes
    c633640a c6336402
    0050 a93e 21abc0d6 4d98e69d
    80 18 0040 70e2 0000                 # 32 bytes, PSH ACK
    0101080a 3ad6c024 4a0d580f
  `),
  new Uint8Array(7240).fill(0x78),
);

/** A DNS query; the checksum is partial. */
export const UDP_V4 = fromHex(`
  01 00 0000 0000 2200 0600              # csum_offset 6
  020000000001 020000000002 0800
  45 00 003d c8b2 4000 40 11 1d8a
  c6336402 c633640a
  91ac 0035 0029 54ae                    # 37292 > 53, 41 bytes
  1234 0100 0001 0000 0000 0000 0377777707 6578616d706c65 03636f6d 00 0001 0001
`);

/** SO_NO_CHECK: the checksum is 0, there is none. */
export const UDP_NO_CHECKSUM_V4 = fromHex(`
  0000 0000 0000 0000 0000
  020000000001 020000000002 0800
  45 00 0023 20c7 4000 40 11 c58f
  c6336402 c633640a
  c742 0035 000f 0000
  6e6f636865636b                         # "nocheck"
`);

/** 2,000 bytes of UDP in two fragments. */
export const UDP_FIRST_FRAGMENT_V4 = concat(
  fromHex(`
    0000 0000 0000 0000 0000
    020000000001 020000000002 0800
    45 00 05dc 20c6 2000 40 11 dfd7      # 1500 bytes, MF, offset 0
    c6336402 c633640a
    82b2 0035 07d8 18e3                  # 2008 bytes in all
  `),
  new Uint8Array(1472).fill(0x66),
);
export const UDP_LAST_FRAGMENT_V4 = concat(
  fromHex(`
    0000 0000 0000 0000 0000
    020000000001 020000000002 0800
    45 00 0224 20c6 00b9 40 11 02d7      # offset 0xb9 * 8 = 1480
    c6336402 c633640a
  `),
  new Uint8Array(528).fill(0x66),
);

/** Port unreachable, about the DNS query. */
export const ICMP_UNREACHABLE_V4 = fromHex(`
  0000 0000 0000 0000 0000
  020000000002 020000000001 0800
  45 c0 0059 27a8 0000 40 01 fdc8
  c633640a c6336402
  03 03 b9b3 00000000                    # destination unreachable, port
  4500003d c8b24000 40111d8a c6336402 c633640a 91ac0035 002954ae
  1234010000010000000000000377777707 6578616d706c6503636f6d0000010001
`);

export const ICMP_ECHO_V4 = fromHex(`
  0000 0000 0000 0000 0000
  020000000001 020000000002 0800
  45 00 0021 4cd1 4000 40 01 9997
  c6336402 c633640a
  08 00 8a19 2a13 0001 68656c6c6f        # echo request, id 0x2a13, sequence 1, "hello"
`);

export const TCP_SYN_V6 = fromHex(`
  01 00 0000 0000 3600 1000              # csum_start 54
  020000000001 020000000002 86dd
  60018ef2 0028 06 40                    # flow label 0x18ef2, 40 bytes, TCP, hop limit 64
  20010db8000c00000000000000000002       # 2001:db8:c::2
  20010db8000c00000000000000000010       # 2001:db8:c::10
  8d74 0050 a531f591 00000000
  a0 02 fd20 5bca 0000
  020405a0 0402080a be1638dc 00000000 0103030a
`);

export const TCP_SUPER_PACKET_V6 = concat(
  fromHex(`
    01 04 5600 9405 3600 1000            # TCPV6, hdr_len 86, gso_size 1428
    020000000002 020000000001 86dd
    6009cf79 1c04 06 40
    20010db8000c00000000000000000010
    20010db8000c00000000000000000002
    0050 8d74 c6651a90 a531f5a4
    80 18 003f 77a6 0000
    0101080a c917624b be1638dc
  `),
  new Uint8Array(7140).fill(0x78),
);

export const UDP_V6 = fromHex(`
  01 00 0000 0000 3600 0600
  020000000001 020000000002 86dd
  600677d7 0029 11 40
  20010db8000c00000000000000000002
  20010db8000c00000000000000000010
  e801 0035 0029 5bd6
  1234 0100 0001 0000 0000 0000 0377777707 6578616d706c65 03636f6d 00 0001 0001
`);

export const UDP_FIRST_FRAGMENT_V6 = concat(
  fromHex(`
    0000 0000 0000 0000 0000
    020000000001 020000000002 86dd
    600ebb6b 05b0 2c 40                  # next header: fragment
    20010db8000c00000000000000000002
    20010db8000c00000000000000000010
    11 00 0001 2fb4c668                  # UDP follows, offset 0, more
    b2e8 0035 07d8 e184
  `),
  new Uint8Array(1440).fill(0x66),
);
export const UDP_LAST_FRAGMENT_V6 = concat(
  fromHex(`
    0000 0000 0000 0000 0000
    020000000001 020000000002 86dd
    600ebb6b 0238 2c 40
    20010db8000c00000000000000000002
    20010db8000c00000000000000000010
    11 00 05a8 2fb4c668                  # offset 1448
  `),
  new Uint8Array(560).fill(0x66),
);

export const ICMP_ECHO_V6 = fromHex(`
  0000 0000 0000 0000 0000
  020000000001 020000000002 86dd
  60042591 000d 3a 40
  20010db8000c00000000000000000002
  20010db8000c00000000000000000010
  80 00 b634 2a14 0001 68656c6c6f        # echo request
`);

export const ICMP_UNREACHABLE_V6 = fromHex(`
  0000 0000 0000 0000 0000
  020000000002 020000000001 86dd
  600519f6 0059 3a 40
  20010db8000c00000000000000000010
  20010db8000c00000000000000000002
  01 04 bd22 00000000                    # destination unreachable, port
  600677d7 0029 11 40 20010db8000c00000000000000000002 20010db8000c00000000000000000010
  e8010035 00295bd6
  1234010000010000000000000377777707 6578616d706c6503636f6d0000010001
`);

export const NEIGHBOUR_SOLICITATION = fromHex(`
  0000 0000 0000 0000 0000
  3333ff000010 020000000002 86dd         # to the group of all addresses that end in 00:0010
  60000000 0020 3a ff
  20010db8000c00000000000000000002
  ff0200000000000000000001ff000010
  87 00 1bf1 00000000
  20010db8000c00000000000000000010       # who has it
  01 01 020000000002                     # source link-layer address
`);

export const NEIGHBOUR_ADVERTISEMENT = fromHex(`
  0000 0000 0000 0000 0000
  020000000002 020000000001 86dd
  60000000 0020 3a ff
  20010db8000c00000000000000000010
  20010db8000c00000000000000000002
  88 00 8a31 60000000                    # solicited, override
  20010db8000c00000000000000000010
  02 01 020000000001                     # target link-layer address
`);

export const ARP_REQUEST_FRAME = fromHex(`
  ffffffffffff 020000000002 0806
  0001 0800 06 04 0001
  020000000002 c6336402 000000000000 c633640a
`);

export const ARP_REPLY_FRAME = fromHex(`
  020000000002 020000000001 0806
  0001 0800 06 04 0002
  020000000001 c633640a 020000000002 c6336402
`);

function concat(head: Uint8Array, tail: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(head.length + tail.length);
  bytes.set(head);
  bytes.set(tail, head.length);
  return bytes;
}
