import { expect, test } from 'vitest'
import { studentCdf, studentQuantile } from './student.ts'

// From the tables of the distribution.
test.each([
  [0.975, 1, 12.706],
  [0.95, 2, 2.92],
  [0.975, 5, 2.571],
  [0.975, 10, 2.228],
  [0.995, 10, 3.169],
  [0.95, 10.9, 1.812],
  [0.975, 30, 2.042],
  [0.975, 1e9, 1.962],
])('the quantile %f of Student’s distribution with %d degrees of freedom is %f', (p, degrees, expected) => {
  expect(studentQuantile(p, degrees)).toBeCloseTo(expected, 2)
  expect(studentCdf(studentQuantile(p, degrees), degrees)).toBeCloseTo(p, 8)
})

test('Student’s distribution is symmetrical', () => {
  for (const degrees of [1, 2, 7, 40])
    expect(studentCdf(-1.3, degrees)).toBeCloseTo(1 - studentCdf(1.3, degrees), 10)
  expect(studentQuantile(0.5, 4)).toBeCloseTo(0, 10)
})
