// Sorts and filters the table of every figure; the page is complete without it.
const valueIn = (row, column) => {
  const { dataset, textContent } = row.cells[column]
  if (dataset.order === undefined) return textContent.trim()
  // What has no figure comes last, or first the other way round.
  return dataset.order === '' ? Infinity : Number(dataset.order)
}

const compare = (one, other) => (typeof one === 'number' ? one - other || 0 : one.localeCompare(other))

{
  const table = document.querySelector('#every-figure')
  const form = document.querySelector('form.filters')
  const body = table.tBodies[0]
  const rows = [...body.rows]
  const shown = document.querySelector('#shown')

  const filter = () => {
    const wanted = [...new FormData(form)].filter(([, value]) => value !== '')
    for (const row of rows) row.hidden = wanted.some(([name, value]) => row.dataset[name] !== value)
    shown.textContent = `${rows.filter((row) => !row.hidden).length} of ${rows.length} figures`
  }

  const sortBy = (head) => {
    const direction = head.ariaSort === 'ascending' ? 'descending' : 'ascending'
    for (const each of table.tHead.rows[0].cells) each.removeAttribute('aria-sort')
    head.setAttribute('aria-sort', direction)
    const sign = direction === 'ascending' ? 1 : -1
    const column = head.cellIndex
    rows.sort((one, other) => sign * compare(valueIn(one, column), valueIn(other, column)))
    body.append(...rows)
  }

  for (const head of table.tHead.rows[0].cells) {
    const button = document.createElement('button')
    button.type = 'button'
    button.append(...head.childNodes)
    button.addEventListener('click', () => sortBy(head))
    head.append(button)
  }
  form.addEventListener('change', filter)
  form.addEventListener('submit', (event) => event.preventDefault())
  form.hidden = false
  // A browser keeps what was chosen over a reload.
  filter()

  // Paper has nothing to unfold.
  addEventListener('beforeprint', () => {
    for (const folded of document.querySelectorAll('details')) folded.open = true
  })
}
