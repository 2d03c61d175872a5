// Runs tests again and again in one copy of the tree, for scripts/mutate.ts: the test database starts once and what did not change is
// not transformed again. A message names the file that changed and the tests; the answer is what became of them.
import { createVitest } from 'vitest/node';

export interface Order {
  /** Absolute path of the file that was changed since the last order. */
  changed: string;
  tests: string[];
  match: string;
}

export interface Result {
  passed: number;
  failed: number;
}

const vitest = await createVitest('test', {
  watch: false,
  reporters: [{}],
  maxWorkers: 1,
  testTimeout: 15_000,
  ...{ root: process.cwd(), silent: true },
});
await vitest.standalone();

let before: string | undefined;

async function run({ changed, tests, match }: Order): Promise<Result> {
  // The last file was put back since.
  for (const file of new Set([before ?? changed, changed])) vitest.invalidateFile(file);
  before = changed;
  if (match === '') vitest.resetGlobalTestNamePattern();
  else vitest.setGlobalTestNamePattern(new RegExp(match));
  const specifications = await vitest.globTestSpecifications(tests);
  const { testModules } = await vitest.runTestSpecifications(specifications, false);
  const states = testModules.flatMap((file) =>
    [...file.children.allTests()].map((test) => test.result().state),
  );
  const count = (state: string) => states.filter((other) => other === state).length;
  return { passed: count('passed'), failed: count('failed') };
}

process.on('message', (order: Order) => {
  void run(order).then(
    (result) => process.send!(result),
    (error: Error) => process.send!({ passed: 0, failed: 0, error: error.message }),
  );
});
process.on('disconnect', () => {
  void vitest.close().finally(() => process.exit());
});
process.send!('ready');
