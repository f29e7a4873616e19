/**
 * Layouts of C structs: each offset appears here once, and `layout_test.ts` compares all of them
 * with the C headers. They hold for 64-bit Linux, little-endian, which is what x86-64 and arm64 are.
 */

/** Where the fields of a C struct are. */
export interface StructLayout<Field extends string = string> {
  /** As C writes the type. */
  readonly name: string;
  readonly size: number;
  readonly offsets: Readonly<Record<Field, number>>;
}

/*
 * struct timespec (time.h)                struct timeval (sys/time.h)
 *   0  tv_sec   i64                          0  tv_sec   i64
 *   8  tv_nsec  i64                          8  tv_usec  i64
 */
export const TIMESPEC = {
  name: "struct timespec",
  size: 16,
  offsets: { tv_sec: 0, tv_nsec: 8 },
} as const satisfies StructLayout;

export const TIMEVAL = {
  name: "struct timeval",
  size: 16,
  offsets: { tv_sec: 0, tv_usec: 8 },
} as const satisfies StructLayout;

/*
 * struct iovec (sys/uio.h)
 *   0  iov_base  pointer
 *   8  iov_len   u64
 */
export const IOVEC = {
  name: "struct iovec",
  size: 16,
  offsets: { iov_base: 0, iov_len: 8 },
} as const satisfies StructLayout;

/*
 * struct mmsghdr (sys/socket.h)
 *   0  msg_hdr.msg_name        pointer
 *   8  msg_hdr.msg_namelen     u32, 4 bytes of padding
 *  16  msg_hdr.msg_iov         pointer
 *  24  msg_hdr.msg_iovlen      u64
 *  32  msg_hdr.msg_control     pointer
 *  40  msg_hdr.msg_controllen  u64
 *  48  msg_hdr.msg_flags       i32, 4 bytes of padding
 *  56  msg_len                 u32, 4 bytes of padding
 */
export const MMSGHDR = {
  name: "struct mmsghdr",
  size: 64,
  offsets: {
    "msg_hdr.msg_name": 0,
    "msg_hdr.msg_namelen": 8,
    "msg_hdr.msg_iov": 16,
    "msg_hdr.msg_iovlen": 24,
    "msg_hdr.msg_control": 32,
    "msg_hdr.msg_controllen": 40,
    "msg_hdr.msg_flags": 48,
    msg_len: 56,
  },
} as const satisfies StructLayout;

/*
 * struct cmsghdr (sys/socket.h), its data follows
 *   0  cmsg_len    u64, the header's own 16 bytes included
 *   8  cmsg_level  i32
 *  12  cmsg_type   i32
 */
export const CMSGHDR = {
  name: "struct cmsghdr",
  size: 16,
  offsets: { cmsg_len: 0, cmsg_level: 8, cmsg_type: 12 },
} as const satisfies StructLayout;

/*
 * struct sockaddr_ll (linux/if_packet.h)
 *   0  sll_family    u16
 *   2  sll_protocol  u16, network order
 *   4  sll_ifindex   i32
 *   8  sll_hatype    u16
 *  10  sll_pkttype   u8
 *  11  sll_halen     u8
 *  12  sll_addr      8 bytes
 */
export const SOCKADDR_LL = {
  name: "struct sockaddr_ll",
  size: 20,
  offsets: {
    sll_family: 0,
    sll_protocol: 2,
    sll_ifindex: 4,
    sll_hatype: 8,
    sll_pkttype: 10,
    sll_halen: 11,
    sll_addr: 12,
  },
} as const satisfies StructLayout;

/*
 * struct packet_mreq (linux/if_packet.h)
 *   0  mr_ifindex  i32
 *   4  mr_type     u16
 *   6  mr_alen     u16
 *   8  mr_address  8 bytes
 */
export const PACKET_MREQ = {
  name: "struct packet_mreq",
  size: 16,
  offsets: { mr_ifindex: 0, mr_type: 4, mr_alen: 6, mr_address: 8 },
} as const satisfies StructLayout;

/*
 * struct ipv6_mreq (netinet/in.h)
 *   0  ipv6mr_multiaddr  16 bytes
 *  16  ipv6mr_interface  u32
 */
export const IPV6_MREQ = {
  name: "struct ipv6_mreq",
  size: 20,
  offsets: { ipv6mr_multiaddr: 0, ipv6mr_interface: 16 },
} as const satisfies StructLayout;

/*
 * struct tpacket_stats (linux/if_packet.h)
 *   0  tp_packets  u32: counted for this socket, the dropped ones included
 *   4  tp_drops    u32
 */
export const TPACKET_STATS = {
  name: "struct tpacket_stats",
  size: 8,
  offsets: { tp_packets: 0, tp_drops: 4 },
} as const satisfies StructLayout;

/*
 * struct sock_filter (linux/filter.h)     struct sock_fprog
 *   0  code  u16                            0  len     u16, 6 bytes of padding
 *   2  jt    u8                             8  filter  pointer
 *   3  jf    u8
 *   4  k     u32
 */
export const SOCK_FILTER = {
  name: "struct sock_filter",
  size: 8,
  offsets: { code: 0, jt: 2, jf: 3, k: 4 },
} as const satisfies StructLayout;

export const SOCK_FPROG = {
  name: "struct sock_fprog",
  size: 16,
  offsets: { len: 0, filter: 8 },
} as const satisfies StructLayout;

/*
 * struct pollfd (poll.h)
 *   0  fd       i32
 *   4  events   i16
 *   6  revents  i16
 */
export const POLLFD = {
  name: "struct pollfd",
  size: 8,
  offsets: { fd: 0, events: 4, revents: 6 },
} as const satisfies StructLayout;

/*
 * struct ifreq (linux/if.h)
 *   0  ifr_name     16 bytes, ends with a zero
 *  16  ifr_flags    i16, a union with
 *  16  ifr_ifindex  i32; in all 24 bytes
 */
export const IFREQ = {
  name: "struct ifreq",
  size: 40,
  offsets: { ifr_name: 0, ifr_flags: 16, ifr_ifindex: 16 },
} as const satisfies StructLayout;

/*
 * struct virtio_net_hdr (linux/virtio_net.h)
 *   0  flags        u8
 *   1  gso_type     u8
 *   2  hdr_len      u16
 *   4  gso_size     u16
 *   6  csum_start   u16
 *   8  csum_offset  u16
 */
export const VIRTIO_NET_HDR = {
  name: "struct virtio_net_hdr",
  size: 10,
  offsets: { flags: 0, gso_type: 1, hdr_len: 2, gso_size: 4, csum_start: 6, csum_offset: 8 },
} as const satisfies StructLayout;

/*
 * struct sockaddr_un (sys/un.h)
 *   0  sun_family  u16
 *   2  sun_path    108 bytes
 */
export const SOCKADDR_UN = {
  name: "struct sockaddr_un",
  size: 110,
  offsets: { sun_family: 0, sun_path: 2 },
} as const satisfies StructLayout;

/*
 * struct sockaddr_nl (linux/netlink.h)
 *   0  nl_family  u16, 2 bytes of padding
 *   4  nl_pid     u32: the socket's port
 *   8  nl_groups  u32
 */
export const SOCKADDR_NL = {
  name: "struct sockaddr_nl",
  size: 12,
  offsets: { nl_family: 0, nl_pid: 4, nl_groups: 8 },
} as const satisfies StructLayout;

/*
 * struct nlmsghdr (linux/netlink.h)
 *   0  nlmsg_len    u32: this header included
 *   4  nlmsg_type   u16
 *   6  nlmsg_flags  u16
 *   8  nlmsg_seq    u32
 *  12  nlmsg_pid    u32
 */
export const NLMSGHDR = {
  name: "struct nlmsghdr",
  size: 16,
  offsets: { nlmsg_len: 0, nlmsg_type: 4, nlmsg_flags: 6, nlmsg_seq: 8, nlmsg_pid: 12 },
} as const satisfies StructLayout;

/*
 * struct rtattr (linux/rtnetlink.h), then the value, then padding to a multiple of 4
 *   0  rta_len   u16: these 4 bytes included, the padding not
 *   2  rta_type  u16
 */
export const RTATTR = {
  name: "struct rtattr",
  size: 4,
  offsets: { rta_len: 0, rta_type: 2 },
} as const satisfies StructLayout;

/*
 * struct ifinfomsg (linux/rtnetlink.h)
 *   0  ifi_family  u8, 1 byte of padding
 *   2  ifi_type    u16: ARPHRD_*
 *   4  ifi_index   i32
 *   8  ifi_flags   u32: IFF_*
 *  12  ifi_change  u32: which flags to change
 */
export const IFINFOMSG = {
  name: "struct ifinfomsg",
  size: 16,
  offsets: { ifi_family: 0, ifi_type: 2, ifi_index: 4, ifi_flags: 8, ifi_change: 12 },
} as const satisfies StructLayout;

/*
 * struct ifaddrmsg (linux/if_addr.h)
 *   0  ifa_family     u8
 *   1  ifa_prefixlen  u8
 *   2  ifa_flags      u8
 *   3  ifa_scope      u8
 *   4  ifa_index      u32
 */
export const IFADDRMSG = {
  name: "struct ifaddrmsg",
  size: 8,
  offsets: { ifa_family: 0, ifa_prefixlen: 1, ifa_flags: 2, ifa_scope: 3, ifa_index: 4 },
} as const satisfies StructLayout;

/*
 * struct rtmsg (linux/rtnetlink.h)
 *   0  rtm_family    u8
 *   1  rtm_dst_len   u8
 *   2  rtm_src_len   u8
 *   3  rtm_tos       u8
 *   4  rtm_table     u8; RTA_TABLE holds larger ones
 *   5  rtm_protocol  u8: who made the route
 *   6  rtm_scope     u8
 *   7  rtm_type      u8: RTN_*
 *   8  rtm_flags     u32
 */
export const RTMSG = {
  name: "struct rtmsg",
  size: 12,
  offsets: {
    rtm_family: 0,
    rtm_dst_len: 1,
    rtm_src_len: 2,
    rtm_tos: 3,
    rtm_table: 4,
    rtm_protocol: 5,
    rtm_scope: 6,
    rtm_type: 7,
    rtm_flags: 8,
  },
} as const satisfies StructLayout;

/*
 * struct rtnexthop (linux/rtnetlink.h), then attributes
 *   0  rtnh_len      u16: the attributes included
 *   2  rtnh_flags    u8
 *   3  rtnh_hops     u8: weight - 1
 *   4  rtnh_ifindex  i32
 */
export const RTNEXTHOP = {
  name: "struct rtnexthop",
  size: 8,
  offsets: { rtnh_len: 0, rtnh_flags: 2, rtnh_hops: 3, rtnh_ifindex: 4 },
} as const satisfies StructLayout;

/*
 * struct ndmsg (linux/neighbour.h)
 *   0  ndm_family   u8, 3 bytes of padding
 *   4  ndm_ifindex  i32
 *   8  ndm_state    u16: NUD_*
 *  10  ndm_flags    u8: NTF_*
 *  11  ndm_type     u8
 */
export const NDMSG = {
  name: "struct ndmsg",
  size: 12,
  offsets: { ndm_family: 0, ndm_ifindex: 4, ndm_state: 8, ndm_flags: 10, ndm_type: 11 },
} as const satisfies StructLayout;

/*
 * struct fib_rule_hdr (linux/fib_rules.h)
 *   0  family   u8
 *   1  dst_len  u8
 *   2  src_len  u8
 *   3  tos      u8
 *   4  table    u8; FRA_TABLE holds larger ones
 *   5  res1     u8
 *   6  res2     u8
 *   7  action   u8
 *   8  flags    u32
 */
export const FIB_RULE_HDR = {
  name: "struct fib_rule_hdr",
  size: 12,
  offsets: { family: 0, dst_len: 1, src_len: 2, table: 4, action: 7, flags: 8 },
} as const satisfies StructLayout;

/*
 * struct io_uring_params (linux/io_uring.h): what io_uring_setup is asked for and answers.
 *    8  flags      u32
 *   20  features   u32
 *   40  sq_off     where parts of the submission ring lie in its mapping, u32 each
 *   80  cq_off     the same for the completion ring
 */
export const IO_URING_PARAMS = {
  name: "struct io_uring_params",
  size: 120,
  offsets: {
    sq_entries: 0,
    cq_entries: 4,
    flags: 8,
    features: 20,
    "sq_off.head": 40,
    "sq_off.tail": 44,
    "sq_off.ring_mask": 48,
    "sq_off.array": 64,
    "cq_off.head": 80,
    "cq_off.tail": 84,
    "cq_off.ring_mask": 88,
    "cq_off.cqes": 100,
  },
} as const satisfies StructLayout;

/*
 * struct io_uring_sqe (linux/io_uring.h): one thing to do.
 *    0  opcode     u8
 *    1  flags      u8
 *    4  fd         i32
 *   16  addr       u64
 *   24  len        u32
 *   28  msg_flags  u32
 *   32  user_data  u64
 */
export const IO_URING_SQE = {
  name: "struct io_uring_sqe",
  size: 64,
  offsets: { opcode: 0, flags: 1, fd: 4, addr: 16, len: 24, msg_flags: 28, user_data: 32 },
} as const satisfies StructLayout;

/*
 * struct io_uring_cqe (linux/io_uring.h): what became of one.
 *    0  user_data  u64
 *    8  res        i32
 */
export const IO_URING_CQE = {
  name: "struct io_uring_cqe",
  size: 16,
  offsets: { user_data: 0, res: 8 },
} as const satisfies StructLayout;
