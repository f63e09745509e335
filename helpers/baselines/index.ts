export { compareResults, sampledOf, suspectsIn } from './compare.ts'
export { baselinePath, keyOf, readBaseline, saveBaseline, type Baseline } from './file.ts'
export { checkMachine, differencesOf, type Difference, type Match } from './machine.ts'
