// What a gate took from a server: the checks that pass directly and do not pass through it. Pure.
import type { Check } from '../ecosystem/judge';

export interface Lost {
  scenario: string;
  id: string;
  description: string;
  /** Of the checks that took its place on the way through; empty where there was none. */
  through: Check[];
}

/** How one scenario did: passed and failed directly, passed through, and how many of the former were lost. */
export interface Row {
  scenario: string;
  direct: { passed: number; failed: number };
  through: { passed: number; failed: number };
  lost: number;
}

const passed = ({ status }: Check) => status === 'SUCCESS';
const failed = ({ status }: Check) => status === 'FAILURE' || status === 'WARNING';

/**
 * Every check that passes directly must pass as often through the gate; one that is absent, skipped or informative there is lost too.
 * Checks of one id are told apart by what they looked at.
 */
export function compareChecks(direct: Check[], through: Check[]): { rows: Row[]; lost: Lost[] } {
  const keyOf = ({ scenario, id, description }: Check) => JSON.stringify([scenario, id, description]);
  const left = through.filter(passed).map(keyOf);
  const lost = direct.filter(passed).flatMap((check): Lost[] => {
    const found = left.indexOf(keyOf(check));
    if (found !== -1) {
      left.splice(found, 1);
      return [];
    }
    const { scenario, id, description } = check;
    const others = through.filter((other) => other.scenario === scenario && !passed(other));
    const same = others.filter((other) => keyOf(other) === keyOf(check));
    const sameId = others.filter((other) => other.id === id);
    // A scenario that breaks off reports under another id.
    const instead = [same, sameId, others.filter(failed)].find((found) => found.length > 0) ?? [];
    return [{ scenario, id, description, through: instead }];
  });
  const scenarios = [...new Set([...direct, ...through].map(({ scenario }) => scenario))];
  const rows = scenarios.map((scenario) => {
    const of = (checks: Check[]) => {
      const mine = checks.filter((check) => check.scenario === scenario);
      return { passed: mine.filter(passed).length, failed: mine.filter(failed).length };
    };
    return {
      scenario,
      direct: of(direct),
      through: of(through),
      lost: lost.filter((check) => check.scenario === scenario).length,
    };
  });
  return { rows, lost };
}
