import { copyFile } from 'node:fs/promises'
import { join } from 'node:path'
import { compile } from '../system/compile.ts'
import { seenFrom } from '../system/host.ts'
import { fixture } from '../system/paths.ts'
import type { Checkpoint } from './trial.ts'

/** Where a slow-down can be planted: in each of the phases of a cold start. */
export const PLACES = ['launcher', 'restore', 'handler'] as const

/** A slow-down: a processor is kept busy for so long there. `handler` is known to the Python handler alone. */
export interface Plant {
  readonly where: (typeof PLACES)[number]
  /** Whole nanoseconds. */
  readonly nanoseconds: number
}

/** The program in the rootfs that spins and then becomes CRIU. */
const SPIN = '/spin'

/** Set-up of a rootfs in which something is to be planted in `restore`. */
export const preparePlants = async ({ host, rootfs, restorable }: Checkpoint): Promise<void> =>
  copyFile(await compile(fixture('spin.c')), seenFrom(host, join(restorable.root ?? rootfs.path, SPIN)))

/** What a restore's command line starts with. */
export const wrapperOf = (plant: Plant | undefined): string[] =>
  plant?.where === 'restore' ? [SPIN, String(plant.nanoseconds)] : []
