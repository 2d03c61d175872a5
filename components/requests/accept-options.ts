// The groups through which a request can be accepted, the mildest first, and what each would change. Pure.
import type { OperationAnswer } from '@/lib/portal/operations';

type Group = Pick<OperationAnswer<'GET /groups'>['groups'][number], 'slug' | 'name' | 'tools' | 'members'>;

export interface AcceptOption {
  slug: string;
  name: string;
  /** `join`: the group has the tool, the person comes in. `tick`: the person is in, the group gets the tool. `both`: neither yet. */
  kind: 'join' | 'tick' | 'both';
  /** Tools that the person gets besides, by joining. */
  alsoGets: string[];
  /** People in the group already, who get the tool when it is ticked. */
  others: number;
}

/** `groups` are all of the organization's. A group that has tool and person both is no option. */
export function acceptOptions(
  request: { tool: string; member: { email: string } },
  groups: readonly Group[],
): AcceptOption[] {
  const { email } = request.member;
  const own = groups.filter(({ members }) => members.includes(email));
  const has = new Set([request.tool, ...own.flatMap(({ tools }) => tools)]);
  const options = groups.flatMap(({ slug, name, tools, members }): AcceptOption[] => {
    const [isIn, hasTool] = [members.includes(email), tools.includes(request.tool)];
    if (isIn && hasTool) return [];
    return [
      {
        slug,
        name,
        kind: isIn ? 'tick' : hasTool ? 'join' : 'both',
        alsoGets: isIn ? [] : tools.filter((tool) => !has.has(tool)),
        others: hasTool ? 0 : members.filter((member) => member !== email).length,
      },
    ];
  });
  // Fewest side effects first: tools that come along and people who are drawn in count alike.
  return options.sort(
    (a, b) =>
      a.alsoGets.length + a.others - (b.alsoGets.length + b.others) || a.name.localeCompare(b.name, 'en'),
  );
}

/** "Joining Leads also gives Ben update_tasks and 3 more tools." */
export function effectWords(option: AcceptOption, tool: string, person: string): string {
  const { name, kind, alsoGets, others } = option;
  const many = (n: number, one: string, more: string) => `${n} ${n === 1 ? one : more}`;
  const shown = alsoGets.slice(0, 4);
  const rest = alsoGets.length - shown.length;
  const along =
    alsoGets.length === 0
      ? `${person} gets no other tool by it.`
      : `Joining ${name} also gives ${person} ${[...shown, ...(rest > 0 ? [many(rest, 'more tool', 'more tools')] : [])].join(', ')}.`;
  if (kind === 'join') return `${person} joins ${name}. ${along}`;
  const drawn =
    others === 0
      ? `Nobody else is in ${name}.`
      : `${many(others, 'other person', 'other people')} in ${name} may use ${tool}, too.`;
  if (kind === 'tick') return `${name} gets ${tool}. ${drawn}`;
  return `${name} gets ${tool}, and ${person} joins it. ${drawn} ${along}`;
}
