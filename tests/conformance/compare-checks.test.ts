// What counts as lost between a server and a gate before it.
import { describe, expect, test } from 'vitest';
import type { Check } from '../ecosystem/judge';
import { compareChecks } from './compare-checks';

const check = (id: string, status = 'SUCCESS', description = id, scenario = 'ping'): Check => ({
  ...{ scenario, id, status, description },
  message: description,
  details: undefined,
});
const lostIds = (direct: Check[], through: Check[]) =>
  compareChecks(direct, through).lost.map(({ id }) => id);

describe('a check that passes directly', () => {
  test('is kept where it passes through the gate too', () => {
    expect(lostIds([check('a')], [check('a')])).toEqual([]);
  });

  test.each(['FAILURE', 'WARNING', 'SKIPPED', 'INFO'])('is lost where it ends in %s', (status) => {
    expect(lostIds([check('a')], [check('a', status)])).toEqual(['a']);
  });

  test('is lost where the same check of another scenario passes', () => {
    expect(lostIds([check('a')], [check('a', 'SUCCESS', 'a', 'tools-list')])).toEqual(['a']);
  });

  test('is lost once for each time that it passes less often', () => {
    expect(lostIds([check('a'), check('a'), check('a')], [check('a')])).toEqual(['a', 'a']);
  });

  test('is lost where only another check of its id passes', () => {
    const { lost } = compareChecks(
      [check('a', 'SUCCESS', 'one'), check('a', 'SUCCESS', 'two')],
      [check('a', 'SUCCESS', 'two'), check('a', 'FAILURE', 'one')],
    );
    expect(lost).toMatchObject([{ id: 'a', description: 'one', through: [{ status: 'FAILURE' }] }]);
  });

  test('is explained by what failed instead where its scenario broke off', () => {
    const { lost } = compareChecks([check('a')], [check('broke-off', 'FAILURE')]);
    expect(lost[0]!.through.map(({ id }) => id)).toEqual(['broke-off']);
  });
});

test('a check that fails directly is nobody’s loss, and the rows count what passed and failed on either side', () => {
  const { rows, lost } = compareChecks(
    [check('a', 'FAILURE'), check('b'), check('c')],
    [check('a', 'FAILURE'), check('b'), check('c', 'WARNING')],
  );
  expect(lost.map(({ id }) => id)).toEqual(['c']);
  expect(rows).toEqual([
    { scenario: 'ping', direct: { passed: 2, failed: 1 }, through: { passed: 1, failed: 2 }, lost: 1 },
  ]);
});
