// Rules on arguments: what a group may carry beside its tools, so that a call is judged by what it asks for, not only by its tool's name.
// Their form, and what each of them does, in words. Pure.

/** A project, team, portfolio or section of Asana's. Only the gid decides; the name is what it was called when the rule was made. */
export interface Place {
  gid: string;
  name: string | null;
}

/** The rules of one group. Off: an empty list, null, false. */
export interface ArgumentRules {
  /** Together: a call stays inside any of these, of whichever kind. */
  projects: Place[];
  teams: Place[];
  portfolios: Place[];
  sections: Place[];
  /** Entries of the lists of one call. */
  maxItems: number | null;
  keepInProject: boolean;
  /** Domains of e-mail addresses, lower-case. */
  companyDomains: string[];
  ownTasksOnly: boolean;
}

export const NO_RULES: Readonly<ArgumentRules> = {
  ...{ projects: [], teams: [], portfolios: [], sections: [] },
  ...{ maxItems: null, keepInProject: false, companyDomains: [], ownTasksOnly: false },
};

export const PLACES = ['projects', 'teams', 'portfolios', 'sections'] as const;
export type PlaceKind = (typeof PLACES)[number];

/** A gid of Asana's as it stands in an argument: digits and nothing else. A link would be read by Asana in a way of its own. */
export const GID = /^[1-9]\d{0,31}$/;

/** What a refusal names. `unmapped`: nobody knows what an argument or a tool means to the rules. */
export const RULE_NAMES = {
  places: 'only inside these projects, teams, portfolios and sections',
  maxItems: 'at most so many items in one call',
  keepInProject: 'no task leaves its project',
  companyDomains: 'only people of the company',
  ownTasksOnly: 'only the person\u2019s own tasks',
  unmapped: 'nothing that the rules can\u2019t judge',
} as const;
export type RuleName = keyof typeof RULE_NAMES;

/** The rules as they are stored and shown: null where none is on. */
export function normalRules(given: Partial<ArgumentRules> | null): ArgumentRules | null {
  if (given === null) return null;
  const rules = { ...NO_RULES, ...given };
  return hasPlaces(rules) ||
    rules.maxItems !== null ||
    rules.keepInProject ||
    rules.companyDomains.length > 0 ||
    rules.ownTasksOnly
    ? rules
    : null;
}

export const hasPlaces = (rules: ArgumentRules): boolean => PLACES.some((kind) => rules[kind].length > 0);

/** A place as people read it. */
export const placeWords = ({ gid, name }: Place): string => (name === null ? gid : `${name} (${gid})`);

/** What the rules of a group say, a sentence for each that is on. */
export function rulesInWords(rules: ArgumentRules): string[] {
  const places = PLACES.filter((kind) => rules[kind].length > 0).map(
    (kind) => `${kind} ${rules[kind].map(placeWords).join(', ')}`,
  );
  return [
    ...(places.length > 0 ? [`Only inside ${places.join('; ')}.`] : []),
    ...(rules.maxItems === null
      ? []
      : [`At most ${rules.maxItems} ${rules.maxItems === 1 ? 'item' : 'items'} in one call.`]),
    ...(rules.keepInProject ? ['No task leaves its project.'] : []),
    ...(rules.companyDomains.length > 0
      ? [`Tasks and access only for people at ${rules.companyDomains.join(', ')}.`]
      : []),
    ...(rules.ownTasksOnly ? ['Only the person\u2019s own tasks.'] : []),
  ];
}
