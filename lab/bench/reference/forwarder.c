/*
 * The least that a program with packet sockets does: it receives packets, puts other addresses into
 * them and sends them, with the system calls of lib/datapath/raw_engine.ts, as many and as large. It
 * knows one session's addresses, keeps no state and checks nothing. What it carries is what such a
 * program can carry on this machine; what bypath carries less is bypath's own.
 *
 *   forwarder (IN OUT NEXT TAKEN SOURCE DESTINATION)...
 *
 * Of each rule: IPv4 packets to TAKEN that come by the interface IN (tun:NAME makes a tun device) leave
 * by OUT for the link address NEXT, from SOURCE to DESTINATION. "ready" on stdout says that it carries.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <linux/io_uring.h>
#include <net/if.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { BATCH = 64, BATCH_BYTES = 256 << 10, SLOT_BYTES = 66 << 10, SOCKET_BYTES = 64 << 20 };
/* A slot: struct virtio_net_hdr, Ethernet header, IP packet. */
enum { VNET_BYTES = 10, ETHERNET_BYTES = 14, IP = VNET_BYTES + ETHERNET_BYTES };
enum { RULES = 4, RULE_WORDS = 6 };

struct rule {
  int in, out, is_tun, most;
  uint8_t ethernet[ETHERNET_BYTES];
  uint32_t taken, source, destination;
  uint8_t *memory;
  int queued;
  struct mmsghdr received[BATCH], sent[BATCH];
  struct iovec into[BATCH], from[BATCH];
  struct sockaddr_ll sender[BATCH];
};

static void must(int result, const char *action) {
  if (result >= 0) return;
  fprintf(stderr, "Cannot %s: %s\n", action, strerror(errno));
  exit(1);
}

static int open_socket(const char *device, int protocol, uint32_t taken) {
  int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, 0), on = 1, bytes = SOCKET_BYTES;
  must(fd, "open a packet socket");
  must(setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof on), "ask for virtio_net headers");
  must(setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof on), "leave out our own");
  must(setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes), "set the receive buffer");
  must(setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof bytes), "set the send buffer");
  struct sock_filter code[] = {
    BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 12),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_P_IP, 0, 3),
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, ETHERNET_BYTES + 16),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ntohl(taken), 0, 1),
    BPF_STMT(BPF_RET | BPF_K, 0x40000),
    BPF_STMT(BPF_RET | BPF_K, 0),
  };
  struct sock_fprog program = { sizeof code / sizeof *code, code };
  must(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program), "set the filter");
  struct sockaddr_ll address = { .sll_family = AF_PACKET, .sll_protocol = htons(protocol) };
  address.sll_ifindex = if_nametoindex(device);
  must(address.sll_ifindex - 1, "find the interface"); /* 0 would be all of them */
  must(bind(fd, (struct sockaddr *)&address, sizeof address), "bind to the interface");
  return fd;
}

static int open_tun(const char *name) {
  int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK), header = VNET_BYTES;
  must(fd, "open /dev/net/tun");
  struct ifreq request = { .ifr_flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR };
  strncpy(request.ifr_name, name, IFNAMSIZ - 1);
  must(ioctl(fd, TUNSETIFF, &request), "make the tun device");
  must(ioctl(fd, TUNSETVNETHDRSZ, &header), "set the header's size");
  must(ioctl(fd, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6), "set the offloads");
  return fd;
}

static uint32_t parse_address(const char *text) {
  struct in_addr address;
  must(inet_aton(text, &address) - 1, "read an address");
  return address.s_addr;
}

static void open_rule(struct rule *rule, char **words) {
  struct ifreq request = { 0 };
  rule->is_tun = strncmp(words[0], "tun:", 4) == 0;
  rule->taken = parse_address(words[3]);
  rule->source = parse_address(words[4]);
  rule->destination = parse_address(words[5]);
  rule->in = rule->is_tun ? open_tun(words[0] + 4) : open_socket(words[0], ETH_P_ALL, rule->taken);
  rule->out = open_socket(words[1], 0, 0);
  uint8_t *mac = rule->ethernet;
  const char *form = "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx";
  must(sscanf(words[2], form, mac, mac + 1, mac + 2, mac + 3, mac + 4, mac + 5) - 6, "read NEXT");
  strncpy(request.ifr_name, words[1], IFNAMSIZ - 1);
  must(ioctl(rule->out, SIOCGIFHWADDR, &request), "ask for the link address");
  memcpy(mac + 6, request.ifr_hwaddr.sa_data, 6);
  mac[12] = ETH_P_IP >> 8;
  rule->memory = mmap(0, BATCH * SLOT_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  must(rule->memory == MAP_FAILED ? -1 : 0, "map memory");
  rule->most = BATCH;
  for (int i = 0; i < BATCH; i++) {
    rule->into[i] = (struct iovec){ rule->memory + i * SLOT_BYTES, SLOT_BYTES };
    rule->received[i].msg_hdr = (struct msghdr){ .msg_iov = &rule->into[i], .msg_iovlen = 1 };
    rule->received[i].msg_hdr.msg_name = &rule->sender[i];
    rule->received[i].msg_hdr.msg_namelen = sizeof rule->sender[i];
    rule->sent[i].msg_hdr = (struct msghdr){ .msg_iov = &rule->from[i], .msg_iovlen = 1 };
  }
}

static uint16_t fold(uint32_t sum) {
  sum = (sum & 0xffff) + (sum >> 16);
  return (sum & 0xffff) + (sum >> 16);
}

/* Other addresses, and the checksums that they change (RFC 1624, equation 3). */
static void forward(struct rule *rule, uint8_t *slot) {
  uint8_t *ip = slot + IP;
  uint16_t *words = (uint16_t *)(ip + 12);
  uint32_t difference = 0;
  for (int i = 0; i < 4; i++) difference += (uint16_t)~words[i];
  memcpy(ip + 12, &rule->source, 4);
  memcpy(ip + 16, &rule->destination, 4);
  for (int i = 0; i < 4; i++) difference += words[i];
  uint16_t *header = (uint16_t *)(ip + 10);
  *header = ~fold((uint16_t)~*header + difference);
  int is_tcp = ip[9] == IPPROTO_TCP;
  uint16_t *sum = (uint16_t *)(ip + (ip[0] & 15) * 4 + (is_tcp ? 16 : 6));
  /* VIRTIO_NET_HDR_F_NEEDS_CSUM: the sum of the pseudo header alone, not complemented. */
  if (slot[0] & 1) *sum = fold(*sum + difference);
  else if (is_tcp || *sum != 0) *sum = ~fold((uint16_t)~*sum + difference);
  slot[0] &= 1;
  memcpy(slot + VNET_BYTES, rule->ethernet, ETHERNET_BYTES);
  size_t bytes = IP + ntohs(*(uint16_t *)(ip + 2));
  rule->from[rule->queued++] = (struct iovec){ slot, bytes };
}

/* Where the kernel has no io_uring for us, and where a send buffer is full. */
static void send_messages(struct rule *rule, int next) {
  while (next < rule->queued) {
    int count = sendmmsg(rule->out, rule->sent + next, rule->queued - next, MSG_DONTWAIT);
    struct pollfd room = { rule->out, POLLOUT, 0 };
    if (count > 0) next += count;
    else if (errno != EAGAIN) next++;
    else if (poll(&room, 1, 10) == 0) break;
  }
}

/* The kernel sends within the call, or refuses: it tells of what it refused alone. */
static struct {
  int fd;
  unsigned *tail, *mask, *done_head, *done_tail;
  struct io_uring_sqe *entries;
} ring = { .fd = -1 };

static void open_ring(void) {
  struct io_uring_params asked = { .flags = IORING_SETUP_SUBMIT_ALL | IORING_SETUP_SINGLE_ISSUER };
  int fd = syscall(SYS_io_uring_setup, BATCH, &asked), access = PROT_READ | PROT_WRITE;
  if (fd < 0 || !(asked.features & IORING_FEAT_CQE_SKIP)) return;
  size_t bytes = asked.cq_off.cqes + asked.cq_entries * sizeof(struct io_uring_cqe);
  size_t array = asked.sq_off.array + asked.sq_entries * sizeof(unsigned);
  uint8_t *rings = mmap(0, bytes > array ? bytes : array, access, MAP_SHARED, fd, IORING_OFF_SQ_RING);
  size_t entries = asked.sq_entries * sizeof *ring.entries;
  ring.entries = mmap(0, entries, access, MAP_SHARED, fd, IORING_OFF_SQES);
  must(rings == MAP_FAILED || ring.entries == MAP_FAILED ? -1 : 0, "map the io_uring");
  ring.tail = (unsigned *)(rings + asked.sq_off.tail);
  ring.mask = (unsigned *)(rings + asked.sq_off.ring_mask);
  ring.done_head = (unsigned *)(rings + asked.cq_off.head);
  ring.done_tail = (unsigned *)(rings + asked.cq_off.tail);
  for (unsigned i = 0; i < asked.sq_entries; i++) ((unsigned *)(rings + asked.sq_off.array))[i] = i;
  ring.fd = fd;
}

static void flush(struct rule *rule) {
  int first = 0;
  for (; ring.fd >= 0 && first < rule->queued; first++) {
    struct io_uring_sqe *entry = &ring.entries[(*ring.tail)++ & *ring.mask];
    *entry = (struct io_uring_sqe){ .opcode = IORING_OP_SEND, .flags = IOSQE_CQE_SKIP_SUCCESS };
    entry->fd = rule->out;
    entry->addr = (uintptr_t)rule->from[first].iov_base;
    entry->len = rule->from[first].iov_len;
    entry->msg_flags = MSG_DONTWAIT;
  }
  if (first > 0) must(syscall(SYS_io_uring_enter, ring.fd, first, 0, 0, 0, 0), "send");
  /* What was refused is lost here; the engine waits for room and sends it once more. */
  if (ring.fd >= 0) *ring.done_head = *ring.done_tail;
  send_messages(rule, first);
  rule->queued = 0;
}

/* All that waits, up to a batch; whether some may be left. */
static int receive(struct rule *rule) {
  int most = rule->most, count = recvmmsg(rule->in, rule->received, most, MSG_DONTWAIT, 0);
  if (count <= 0) return 0;
  size_t bytes = 0;
  for (int i = 0; i < count; i++) {
    bytes += rule->received[i].msg_len;
    if (rule->sender[i].sll_pkttype == PACKET_HOST) forward(rule, rule->memory + i * SLOT_BYTES);
  }
  size_t fitting = (size_t)BATCH_BYTES * count / bytes;
  rule->most = fitting < 1 ? 1 : fitting < BATCH ? fitting : BATCH;
  return count == most;
}

static int read_tun(struct rule *rule) {
  int count = 0;
  for (ssize_t bytes = 0; count < BATCH && bytes < BATCH_BYTES; count++) {
    uint8_t *slot = rule->memory + count * SLOT_BYTES;
    ssize_t got = read(rule->in, slot + ETHERNET_BYTES, SLOT_BYTES - ETHERNET_BYTES);
    if (got <= 0) return 0;
    bytes += got;
    memmove(slot, slot + ETHERNET_BYTES, VNET_BYTES);
    /* hdr_len and csum_start count from the Ethernet header on. */
    uint16_t *header = (uint16_t *)slot;
    if (header[1] != 0) header[1] += ETHERNET_BYTES;
    if (slot[0] & 1) header[3] += ETHERNET_BYTES;
    if (memcmp(slot + IP + 16, &rule->taken, 4) == 0) forward(rule, slot);
  }
  return 1;
}

int main(int arguments, char **words) {
  static struct rule rules[RULES];
  struct pollfd waiting[RULES];
  int count = (arguments - 1) / RULE_WORDS;
  if (count < 1 || count > RULES || (arguments - 1) % RULE_WORDS != 0) {
    fprintf(stderr, "Usage: forwarder (IN OUT NEXT TAKEN SOURCE DESTINATION)..., %d at most\n", RULES);
    return 2;
  }
  for (int i = 0; i < count; i++) {
    open_rule(&rules[i], words + 1 + i * RULE_WORDS);
    waiting[i] = (struct pollfd){ rules[i].in, POLLIN, POLLIN };
  }
  open_ring();
  puts("ready");
  fflush(stdout);
  for (;;) {
    int more = 0;
    for (int i = 0; i < count; i++) {
      if (waiting[i].revents == 0) continue;
      more |= rules[i].is_tun ? read_tun(&rules[i]) : receive(&rules[i]);
      flush(&rules[i]);
    }
    if (more) for (int i = 0; i < count; i++) waiting[i].revents = POLLIN;
    else must(poll(waiting, count, -1), "wait for packets");
  }
}
