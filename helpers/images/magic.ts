import type { DescMessage, Message, MessageShape } from '@bufbuild/protobuf'
import { afterMessageQueue, padded } from './extra.ts'
import * as pb from './generated/criu_pb.ts'

/** The magic number before that of the image type. Only inventory.img has none. */
export const headMagic = { common: 0x54564319, service: 0x55105940, none: undefined } as const

/** The layout of the images of one type. */
export interface ImageLayout {
  readonly magic: number
  readonly head: keyof typeof headMagic
  /** Schema of the first entry if it differs from the others. It becomes `first` of the image. */
  readonly first: DescMessage | undefined
  /** Schema of the entries. Without a schema, entries stay bytes. */
  readonly schema: DescMessage | undefined
  /** Whether the image has exactly one entry. */
  readonly single: boolean
  /** How many bytes of `rest`, the file after `message`, are the payload of `message`. */
  extra(message: Message | Uint8Array, rest: Uint8Array): number
}

const noExtra = (): number => 0
const plain = { head: 'common', first: undefined, single: false, extra: noExtra } as const

function opaque(magic: number) {
  return { ...plain, magic, schema: undefined }
}

function many<S extends DescMessage>(
  magic: number,
  schema: S,
  extra: (message: MessageShape<S>, rest: Uint8Array) => number = noExtra,
) {
  return { ...plain, magic, schema, extra }
}

function one<S extends DescMessage>(...row: Parameters<typeof many<S>>) {
  return { ...many(...row), single: true }
}

/** Every image type that starts with a magic; numbers and names from CRIU's magic.h. */
export const imageLayouts = {
  INVENTORY: { ...one(0x58313116, pb.InventoryEntrySchema), head: 'none' },
  PSTREE: many(0x50273030, pb.PstreeEntrySchema),
  IDS: one(0x54432030, pb.TaskKobjIdsEntrySchema),
  CORE: one(0x55053847, pb.CoreEntrySchema),
  FS: one(0x51403912, pb.FsEntrySchema),

  MM: one(0x57492820, pb.MmEntrySchema),
  VMAS: many(0x54123737, pb.VmaEntrySchema),
  PAGEMAP: {
    ...plain,
    magic: 0x56084025,
    first: pb.PagemapHeadSchema,
    schema: pb.PagemapEntrySchema,
  },
  MEMFD_INODE: many(0x48453499, pb.MemfdInodeEntrySchema),

  FDINFO: many(0x56213732, pb.FdinfoEntrySchema),
  FILES: many(0x56303138, pb.FileEntrySchema),
  REG_FILES: many(0x50363636, pb.RegFileEntrySchema),
  REMAP_FPATH: many(0x59133954, pb.RemapFilePathEntrySchema),
  GHOST_FILE: {
    ...plain,
    magic: 0x52583605,
    first: pb.GhostFileEntrySchema,
    schema: pb.GhostChunkEntrySchema,
    extra: (message: pb.GhostFileEntry | pb.GhostChunkEntry, rest: Uint8Array) => {
      if (message.$typeName === 'criu.GhostChunkEntry') return Number(message.len)
      return message.chunks ? 0 : rest.length
    },
  },
  EXT_FILES: opaque(0x59255641),
  NS_FILES: opaque(0x61394011),
  FILE_LOCKS: opaque(0x54323616),
  EVENTFD_FILE: opaque(0x44523722),
  EVENTPOLL_FILE: opaque(0x45023858),
  EVENTPOLL_TFD: opaque(0x44433746),
  SIGNALFD: opaque(0x57323820),
  TIMERFD: opaque(0x50493712),
  PIDFD: opaque(0x54435556),
  INOTIFY_FILE: opaque(0x48424431),
  INOTIFY_WD: opaque(0x54562009),
  FANOTIFY_FILE: opaque(0x55096122),
  FANOTIFY_MARK: opaque(0x56506035),
  TTY_FILES: opaque(0x59433025),
  TTY_INFO: opaque(0x59453036),
  TTY_DATA: opaque(0x59413026),
  TUNFILE: opaque(0x57143751),
  BPFMAP_FILE: opaque(0x57506142),
  BPFMAP_DATA: many(0x64324033, pb.BpfmapDataEntrySchema, (map) => map.keysBytes + map.valuesBytes),

  PIPES: opaque(0x56513555),
  PIPES_DATA: many(0x56453709, pb.PipeDataEntrySchema, (pipe) => pipe.bytes),
  FIFO: opaque(0x58364939),
  FIFO_DATA: many(0x59333054, pb.PipeDataEntrySchema, (pipe) => pipe.bytes),

  UNIXSK: opaque(0x54373943),
  INETSK: opaque(0x56443851),
  PACKETSK: opaque(0x60454618),
  NETLINK_SK: opaque(0x58005614),
  SK_QUEUES: many(0x56264026, pb.SkPacketEntrySchema, (packet) => packet.length),
  TCP_STREAM: one(0x51465506, pb.TcpStreamEntrySchema, (stream) => stream.inqLen + stream.outqLen),

  SIGACT: opaque(0x55344201),
  SIGNAL: opaque(0x59255647),
  ITIMERS: opaque(0x57464056),
  POSIX_TIMERS: opaque(0x52603957),
  RLIMIT: opaque(0x57113925),
  CREDS: opaque(0x54023547),
  SECCOMP: one(0x64413049, pb.SeccompEntrySchema),
  APPARMOR: opaque(0x59423047),
  CGROUP: opaque(0x59383330),
  CPUINFO: opaque(0x61404013),

  IPC_VAR: opaque(0x53115007),
  IPCNS_SHM: many(0x46283044, pb.IpcShmEntrySchema, (shm) =>
    shm.inPagemaps ? 0 : padded(Number(shm.size), 4),
  ),
  IPCNS_MSG: many(0x55453737, pb.IpcMsgEntrySchema, afterMessageQueue),
  IPCNS_SEM: many(0x59573019, pb.IpcSemEntrySchema, (sem) => padded(sem.nsems * 2, 8)),
  UTSNS: opaque(0x54473203),
  MNTS: opaque(0x55563928),
  NETDEV: opaque(0x57373951),
  NETNS: opaque(0x55933752),
  USERNS: opaque(0x55474906),
  TIMENS: opaque(0x43114433),
  PIDNS: opaque(0x61157326),
  AUTOFS: opaque(0x49353943),
  BINFMT_MISC: opaque(0x67343323),

  STATS: { ...one(0x57093306, pb.StatsEntrySchema), head: 'service' },
  IRMAP_CACHE: { ...opaque(0x57004059), head: 'service' },
} as const satisfies Record<string, ImageLayout>

/** The name of an image type in CRIU's magic.h, without _MAGIC. */
export type ImageType = keyof typeof imageLayouts

/** The message of a schema, or bytes if there is no schema. */
export type EntryShape<S> = S extends DescMessage ? MessageShape<S> : Uint8Array

const isImageType = (name: string): name is ImageType => name in imageLayouts
const types = Object.keys(imageLayouts).filter(isImageType)
const typesByMagic = new Map<number, ImageType>(types.map((type) => [imageLayouts[type].magic, type]))

/** The image type of a magic, or undefined. */
export function imageTypeOf(magic: number): ImageType | undefined {
  return typesByMagic.get(magic)
}

const rawNames = [
  /^pages-(shmem-)?\d+\.img$/,
  /^tmpfs-(dev-)?\d+\.tar\.gz\.img$/,
  /^(ifaddr|route6?|rule|ip6?tables|nftables|netns-(ct|exp))-\d+\.img$/,
]

/** Whether a file of this name is an image without a head: memory pages, an archive or the output of another tool. */
export function isRawImage(file: string): boolean {
  return rawNames.some((name) => name.test(file))
}
