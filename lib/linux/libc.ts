/**
 * The C library, through FFI: every function that the project calls, in one table.
 *
 * How C types are written here:
 * - A pointer to memory that the kernel keeps using, or to a struct that is used again and again,
 *   is "pointer", and comes from a mapping (memory.ts). A pointer that is done with when the call
 *   returns is "buffer": any typed array.
 * - `size_t` and `unsigned long` are "usize". A bigint there is fast, a number is slow (250 ns a
 *   call more, measured), so hot paths keep their bigint constants ready.
 * - `ssize_t` results are "i32": as "isize" each call would allocate a bigint. The low half of the
 *   register is right as long as no single call moves 2 GiB.
 * - open, fcntl, ioctl and prctl are variadic in C. On x86-64 and arm64 Linux integer and pointer
 *   arguments travel as in an ordinary call.
 */

const SYMBOLS = {
  // int *__errno_location(void);
  __errno_location: { parameters: [], result: "pointer" },
  // char *strerror(int errnum);
  strerror: { parameters: ["i32"], result: "pointer" },

  // int open(const char *path, int flags, mode_t mode);
  open: { parameters: ["buffer", "i32", "u32"], result: "i32" },
  // int close(int fd);
  close: { parameters: ["i32"], result: "i32" },
  // ssize_t read(int fd, void *buf, size_t count);
  read: { parameters: ["i32", "pointer", "usize"], result: "i32" },
  // ssize_t write(int fd, const void *buf, size_t count);
  write: { parameters: ["i32", "pointer", "usize"], result: "i32" },
  // ssize_t writev(int fd, const struct iovec *iov, int iovcnt);
  writev: { parameters: ["i32", "pointer", "i32"], result: "i32" },
  // off_t lseek(int fd, off_t offset, int whence);
  lseek: { parameters: ["i32", "i64", "i32"], result: "i64" },
  // int ftruncate(int fd, off_t length);
  ftruncate: { parameters: ["i32", "i64"], result: "i32" },
  // int fallocate(int fd, int mode, off_t offset, off_t length);
  fallocate: { parameters: ["i32", "i32", "i64", "i64"], result: "i32" },
  // int flock(int fd, int operation);
  flock: { parameters: ["i32", "i32"], result: "i32" },
  // int ioctl(int fd, unsigned long request, void *argument);
  ioctl: { parameters: ["i32", "usize", "buffer"], result: "i32" },
  // The same, for the requests whose argument is an integer.
  ioctl_integer: { name: "ioctl", parameters: ["i32", "usize", "usize"], result: "i32" },

  // void *mmap(void *addr, size_t length, int prot, int flags, int fd, off_t offset);
  mmap: { parameters: ["pointer", "usize", "i32", "i32", "i32", "i64"], result: "pointer" },
  // int memfd_create(const char *name, unsigned int flags);
  memfd_create: { parameters: ["buffer", "u32"], result: "i32" },
  // int madvise(void *addr, size_t length, int advice);
  madvise: { parameters: ["pointer", "usize", "i32"], result: "i32" },
  // int munmap(void *addr, size_t length);
  munmap: { parameters: ["pointer", "usize"], result: "i32" },

  // int socket(int domain, int type, int protocol);
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  // int bind(int fd, const struct sockaddr *address, socklen_t length);
  bind: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  // int setsockopt(int fd, int level, int name, const void *value, socklen_t length);
  setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "u32"], result: "i32" },
  // int getsockopt(int fd, int level, int name, void *value, socklen_t *length);
  getsockopt: { parameters: ["i32", "i32", "i32", "buffer", "buffer"], result: "i32" },
  // ssize_t sendto(int fd, const void *buf, size_t n, int flags, const struct sockaddr *, socklen_t);
  sendto: { parameters: ["i32", "buffer", "usize", "i32", "buffer", "u32"], result: "i32" },
  // ssize_t recv(int fd, void *buf, size_t n, int flags);
  recv: { parameters: ["i32", "buffer", "usize", "i32"], result: "i32" },
  // int recvmmsg(int fd, struct mmsghdr *vec, unsigned int n, int flags, struct timespec *timeout);
  recvmmsg: { parameters: ["i32", "pointer", "u32", "i32", "pointer"], result: "i32" },
  // int sendmmsg(int fd, struct mmsghdr *vec, unsigned int n, int flags);
  sendmmsg: { parameters: ["i32", "pointer", "u32", "i32"], result: "i32" },

  // int poll(struct pollfd *fds, nfds_t n, int timeoutMs);
  poll: { parameters: ["pointer", "usize", "i32"], result: "i32" },
  // The same on another thread, as a promise. errno is that thread's: it cannot be read.
  poll_elsewhere: {
    name: "poll",
    parameters: ["pointer", "usize", "i32"],
    result: "i32",
    nonblocking: true,
  },
  // unsigned int if_nametoindex(const char *name);
  if_nametoindex: { parameters: ["buffer"], result: "u32" },
  // int eventfd(unsigned int initial, int flags);
  eventfd: { parameters: ["u32", "i32"], result: "i32" },
  // int clock_gettime(clockid_t clock, struct timespec *time);
  clock_gettime: { parameters: ["i32", "pointer"], result: "i32" },

  // int prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d);
  prctl: { parameters: ["i32", "usize", "usize", "usize", "usize"], result: "i32" },
  // The same, for the options whose argument is a string.
  prctl_text: {
    name: "prctl",
    parameters: ["i32", "buffer", "usize", "usize", "usize"],
    result: "i32",
  },
  // pid_t setsid(void);
  setsid: { parameters: [], result: "i32" },
  // int capset(cap_user_header_t header, const cap_user_data_t data);
  capset: { parameters: ["buffer", "buffer"], result: "i32" },
  // long syscall(SYS_bpf, int command, union bpf_attr *attributes, unsigned int size);
  syscall_bpf: {
    name: "syscall",
    parameters: ["i64", "i32", "buffer", "u32"],
    result: "i32",
  },
  // long syscall(SYS_io_uring_setup, unsigned int entries, struct io_uring_params *parameters);
  syscall_io_uring_setup: {
    name: "syscall",
    parameters: ["i32", "u32", "buffer"],
    result: "i32",
  },
  // long syscall(SYS_io_uring_enter, int fd, unsigned int submit, unsigned int complete,
  //              unsigned int flags); what follows is not looked at without flags.
  syscall_io_uring_enter: {
    name: "syscall",
    parameters: ["i32", "i32", "u32", "u32", "u32"],
    result: "i32",
  },
  // int sched_yield(void);
  sched_yield: { parameters: [], result: "i32" },
  // int sched_setaffinity(pid_t pid, size_t setBytes, const cpu_set_t *set);
  sched_setaffinity: { parameters: ["i32", "usize", "buffer"], result: "i32" },
  // int setpriority(int which, id_t who, int priority);
  setpriority: { parameters: ["i32", "u32", "i32"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

/** The functions of the C library. */
export type Libc = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];

let symbols: Libc | undefined;
let errnoView: Int32Array | undefined;

/**
 * Opens the C library, once per thread, and returns its functions.
 *
 * Throws `Deno.errors.NotCapable` without `--allow-ffi`, and an Error where there is no glibc.
 */
export function openLibc(): Libc {
  if (symbols === undefined) {
    symbols = Deno.dlopen("libc.so.6", SYMBOLS).symbols;
    // errno is per thread, and a JavaScript thread of the runtime stays the same thread, so its
    // address is asked for once: asking after a failed call could change it.
    const location = symbols.__errno_location()!;
    errnoView = new Int32Array(Deno.UnsafePointerView.getArrayBuffer(location, 4));
  }
  return symbols;
}

/**
 * The errno of this thread's last failed call.
 *
 * Call it in the same function as the failed call and with nothing between. It says nothing about
 * `nonblocking` calls, which run on another thread.
 */
export function lastErrno(): number {
  return errnoView === undefined ? 0 : errnoView[0]!;
}

/** The text as C wants it: UTF-8 with a terminating zero. Throws TypeError for an inner zero. */
export function cString(text: string): Uint8Array<ArrayBuffer> {
  if (text.includes("\0")) throw new TypeError("Cannot pass text to C: it contains a zero byte");
  return new TextEncoder().encode(`${text}\0`);
}
