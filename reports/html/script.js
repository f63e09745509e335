// Sorts and filters the table of every figure. The page is complete without this script.
const valueIn = (row, column) => {
  const { dataset, textContent } = row.cells[column]
  if (dataset.order === undefined) return textContent.trim()
  // Rows without a figure come last in ascending order.
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
  // Browsers keep the chosen filters when the page is reloaded.
  filter()

  // Sections cannot be unfolded on paper. What repeats a chart's figures would fill most of it.
  addEventListener('beforeprint', () => {
    for (const folded of document.querySelectorAll('details:not(.equivalent)')) folded.open = true
  })
}
