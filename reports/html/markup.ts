/** Text that is HTML already: what `html` returns, and what it lets through unescaped. */
export class Markup {
  readonly #text: string

  constructor(text: string) {
    this.#text = text
  }

  toString(): string {
    return this.#text
  }
}

type Part = string | number | Markup | undefined | readonly Part[]

/** A template whose parts are escaped, unless they are Markup; lists are joined, undefined is nothing. */
export const html = (strings: TemplateStringsArray, ...parts: readonly Part[]): Markup =>
  new Markup(strings.map((text, index) => text + textOf(parts[index])).join(''))

function textOf(part: Part): string {
  if (part === undefined) return ''
  if (part instanceof Markup) return String(part)
  if (typeof part === 'object') return part.map(textOf).join('')
  return String(part).replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}
