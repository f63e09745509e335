import type { Command } from 'commander'
import { CriuBenchError } from '../errors.ts'

interface Completed {
  readonly name: string
  readonly description: string
  readonly options: ReadonlyArray<{ readonly long: string; readonly description: string }>
}

const completedOf = (command: Command): Completed => ({
  name: command.name(),
  description: command.description(),
  options: [
    ...command.options.flatMap(({ long, description }) => (long ? { long, description } : [])),
    { long: '--help', description: 'print this help' },
  ],
})

const optionsIn = ({ options }: Completed): string => options.map(({ long }) => long).join(' ')
const quoted = (text: string): string => `'${text.replaceAll("'", String.raw`'\''`)}'`

const bash = (program: Completed, commands: readonly Completed[]): string => `_vitest_criu() {
  local words
  if [ "$COMP_CWORD" -eq 1 ]; then
    words=${quoted([...commands.map(({ name }) => name), optionsIn(program)].join(' '))}
  else
    case "\${COMP_WORDS[1]}" in
${commands.map((command) => `      ${command.name}) words=${quoted(optionsIn(command))} ;;`).join('\n')}
    esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _vitest_criu vitest-criu
`

const zsh = (program: Completed, commands: readonly Completed[]): string => `#compdef vitest-criu
_vitest_criu() {
  local -a found
  if (( CURRENT == 2 )); then
    found=(${[...commands.map(({ name, description }) => described(name, description)), ...program.options.map(({ long, description }) => described(long, description))].join(' ')})
  else
    case "$words[2]" in
${commands.map(({ name, options }) => `      ${name}) found=(${options.map(({ long, description }) => described(long, description)).join(' ')}) ;;`).join('\n')}
    esac
  fi
  _describe vitest-criu found
  (( CURRENT == 2 )) || _files
}
compdef _vitest_criu vitest-criu
`

/** A word for zsh's _describe, which ends it at a colon. */
const described = (word: string, description: string): string =>
  quoted(`${word}:${description.replaceAll(':', String.raw`\:`)}`)

const fish = (program: Completed, commands: readonly Completed[]): string =>
  [
    ...program.options.map(({ long, description }) => `complete -c vitest-criu -n __fish_use_subcommand -l ${long.slice(2)} -d ${quoted(description)}`),
    ...commands.flatMap(({ name, description, options }) => [
      `complete -c vitest-criu -n __fish_use_subcommand -a ${name} -d ${quoted(description)}`,
      ...options.map((option) => `complete -c vitest-criu -n '__fish_seen_subcommand_from ${name}' -l ${option.long.slice(2)} -d ${quoted(option.description)}`),
    ]),
    '',
  ].join('\n') // prettier-ignore

const SHELLS = new Map([
  ['bash', bash],
  ['zsh', zsh],
  ['fish', fish],
])

/** The script that makes a shell complete commands and options. Throws CriuBenchError for another shell. */
export function completion(shell: string, program: Command): string {
  const script = SHELLS.get(shell)
  if (script) return script(completedOf(program), program.commands.map(completedOf))
  throw new CriuBenchError({
    failed: `cannot complete commands in ${shell}`,
    found: 'a shell without a script',
    expected: `one of ${[...SHELLS.keys()].join(', ')}`,
    fix: 'name one of them: eval "$(npx vitest-criu completion bash)"',
  })
}
