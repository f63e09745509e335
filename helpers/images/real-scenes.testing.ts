const prelude = `
import ctypes, fcntl, mmap, os, pty, signal, socket, struct, tempfile, threading
libc = ctypes.CDLL(None)
def ready_and_wait():
    open(os.environ['READY'], 'w').close()
    while True: signal.pause()
`

/** A process to dump, and the images that its dump must have. */
export interface Scene {
  readonly images: RegExp[]
  readonly command: string[]
}

/** Processes whose images are of nearly every type, by what they have. */
export const SCENES: Readonly<Record<string, Scene>> = {
  'a shell whose child has unread data in a pipe': {
    images: [/^pipes-data\.img$/],
    command: ['sh', '-c', 'printf "not yet read" | { : > "$READY"; exec sleep 1000; }'],
  },
  'queued messages in Unix sockets, one of them carrying a descriptor': python(
    [/^sk-queues\.img$/],
    `
a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
a.send(b'stream data'); b.send(bytes(70000))
c, d = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
for text in (b'one', b'second', b'x' * 1001): c.send(text)
socket.send_fds(c, [b'with a descriptor'], [a.fileno()])
`,
  ),
  'deleted files: a small one, one with holes and an empty one': python(
    [/^ghost-file-\w+\.img$/, /^remap-fpath\.img$/],
    `
small = tempfile.TemporaryFile(); small.write(b'small ghost'); small.flush()
holes = tempfile.TemporaryFile(); os.ftruncate(holes.fileno(), 600000)
os.pwrite(holes.fileno(), b'x' * 5000, 8192); os.pwrite(holes.fileno(), b'y' * 10, 400000)
empty = tempfile.TemporaryFile()
`,
  ),
  'threads with names that are not UTF-8': python(
    [/^core-\d+\.img$/],
    `
for _ in range(3): threading.Thread(target=signal.pause, daemon=True).start()
libc.prctl(15, b'caf\\xe9')
`,
  ),
  'a process tree with shared memory and a zombie': python(
    [/^pagemap-shmem-\d+\.img$/, /^pages-3\.img$/],
    `
shared = mmap.mmap(-1, 1 << 20); shared[0:5] = b'hello'; shared[500000:500005] = b'world'
untouched = mmap.mmap(-1, 1 << 20)
for child in range(2):
    if os.fork() == 0:
        while True: signal.pause()
zombie = os.fork()
if zombie == 0: os._exit(3)
os.waitid(os.P_PID, zombie, os.WEXITED | os.WNOWAIT)
`,
  ),
  'a FIFO with unread data': python(
    [/^fifo-data\.img$/],
    `
path = os.environ['READY'] + '.fifo'
os.mkfifo(path); fifo = os.open(path, os.O_RDWR); os.write(fifo, b'waits in the FIFO')
`,
  ),
  // Without TCP: CRIU 4.1 cannot read the socket options on recent kernels (seen on 6.18).
  'eventfd, epoll, timerfd, signalfd, inotify, memfd and a netlink socket': python(
    [/^files\.img$/, /^memfd\.img$/],
    `
event = os.eventfd(7)
import select
epoll = select.epoll(); epoll.register(event)
timer = libc.timerfd_create(1, 0)
libc.timerfd_settime(timer, 0, struct.pack('qqqq', 1, 0, 1000, 0), None)
libc.signalfd(-1, struct.pack('Q', 1 << 9) + bytes(120), 0)
libc.inotify_add_watch(libc.inotify_init1(0), b'/usr', 2)
memory = os.memfd_create('memory'); os.write(memory, b'x' * 10000); mapped = mmap.mmap(memory, 10000)
netlink = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
signal.setitimer(signal.ITIMER_REAL, 1000)
`,
  ),
  'System V shared memory, messages and semaphores': inOwnNamespaces(
    python(
      [/^ipcns-shm-\d+\.img$/, /^ipcns-msg-\d+\.img$/, /^ipcns-sem-\d+\.img$/, /^utsns-\d+\.img$/],
      `
shm = libc.shmget(0, 10001, 0o1600)
libc.shmat.restype = ctypes.c_void_p
ctypes.memset(libc.shmat(shm, None, 0), 7, 10001)
for queue in (libc.msgget(0, 0o1600), libc.msgget(0, 0o1600)):
    for text in (b'', b'one', b'12345678', b'x' * 1001):
        libc.msgsnd(queue, struct.pack('q', 5) + text, len(text), 0)
libc.semget(0, 3, 0o1600); libc.semget(0, 4, 0o1600)
`,
    ),
  ),
  'a pseudo-terminal': python([/^tty-info\.img$/], 'master, slave = pty.openpty(); os.write(slave, b"text")'),
}

function inOwnNamespaces({ images, command }: Scene): Scene {
  return { images, command: ['unshare', '--ipc', '--uts', ...command] }
}

export function python(images: RegExp[], code: string): Scene {
  return { images, command: ['/usr/bin/python3', '-c', `${prelude}${code}\nready_and_wait()`] }
}
