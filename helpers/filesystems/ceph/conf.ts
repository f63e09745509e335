import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { fixture } from '../../installation/paths.ts'

/** Fills in the @words@ of fixtures/ceph.conf. */
export async function renderConf(words: Readonly<Record<string, string | number>>): Promise<string> {
  const template = await readFile(fixture('ceph.conf'), 'utf8')
  return template.replaceAll(/@(fsid|address|port|folder|store|capacity)@/g, (_, word: string) =>
    String(words[word]),
  )
}

/** The capabilities of each daemon and of the one user, by Ceph's own profiles. */
const CAPABILITIES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'mon.': { mon: 'allow *' },
  'client.admin': { mon: 'allow *', osd: 'allow *', mds: 'allow *', mgr: 'allow *' },
  'mgr.a': { mon: 'allow profile mgr', osd: 'allow *', mds: 'allow *' },
  'osd.0': { mon: 'allow profile osd', osd: 'allow *', mgr: 'allow profile osd' },
  'mds.a': { mon: 'allow profile mds', osd: 'allow *', mds: 'allow *', mgr: 'allow profile mds' },
}

/** A keyring with new keys for a whole cluster. */
export const renderKeyring = (): string =>
  Object.entries(CAPABILITIES)
    .map(([name, caps]) => {
      const lines = Object.entries(caps).map(([service, may]) => `\tcaps ${service} = "${may}"\n`)
      return `[${name}]\n\tkey = ${newKey()}\n${lines.join('')}`
    })
    .join('')

const AES = 1
const KEY_BYTES = 16

/** A cephx secret as `ceph-authtool --gen-key` makes it: type, time of making, length, and that many random bytes. */
function newKey(): string {
  const head = Buffer.alloc(12)
  head.writeUInt16LE(AES, 0)
  head.writeUInt32LE(Math.floor(Date.now() / 1000), 2)
  head.writeUInt16LE(KEY_BYTES, 10)
  return Buffer.concat([head, randomBytes(KEY_BYTES)]).toString('base64')
}

/** A keyring with the key of one name only, for a client. */
export const keyringOf = (keyring: string, name: string): string =>
  `[${name}]\n\tkey = ${keyOf(keyring, name)}\n`

/** The key of a name in a keyring; "" when the keyring does not have it. */
export function keyOf(keyring: string, name: string): string {
  const [, section = ''] = keyring.split(`[${name}]`)
  const [own = ''] = section.split('[')
  return /^\s*key\s*=\s*(\S+)/m.exec(own)?.[1] ?? ''
}
