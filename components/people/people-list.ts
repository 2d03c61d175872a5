// Which people the list shows, in which order, from where on: as the address bar holds it. Pure.
import { roles, states, type Member, type Role } from './words';

export const PAGE = 50;

export type PeopleSort = 'name' | 'email' | 'lastSeen' | 'lastCall';

export interface PeopleView {
  search?: string;
  group?: string;
  role?: Role;
  state?: Member['state'];
  sort: PeopleSort;
  direction: 'asc' | 'desc';
  offset: number;
}

const firstDirection: Record<PeopleSort, 'asc' | 'desc'> = {
  name: 'asc',
  email: 'asc',
  // Whoever sorts by activity looks for the latest.
  lastSeen: 'desc',
  lastCall: 'desc',
};

/** The view in a page's query; what is not valid there counts as not given. */
export function viewIn(query: Record<string, string | string[] | undefined>): PeopleView {
  const text = (name: string, maxChars: number) => {
    const value = query[name];
    return typeof value === 'string' && value.trim() !== '' ? value.trim().slice(0, maxChars) : undefined;
  };
  const sort = (['name', 'email', 'lastSeen', 'lastCall'] as const).find((id) => id === query.sort) ?? 'name';
  const offset = Number(text('offset', 7) ?? 0);
  const state = text('state', 20);
  return {
    search: text('search', 200),
    group: text('group', 100),
    role: roles.find(({ id }) => id === query.role)?.id,
    state: state !== undefined && Object.hasOwn(states, state) ? (state as Member['state']) : undefined,
    sort,
    direction: (['asc', 'desc'] as const).find((id) => id === query.direction) ?? firstDirection[sort],
    offset: Number.isSafeInteger(offset) && offset > 0 ? Math.min(offset, 1_000_000) : 0,
  };
}

/** The address of a view; what is as it would be anyway is left out. */
export function hrefOfView(view: PeopleView): string {
  const query = new URLSearchParams();
  for (const name of ['search', 'group', 'role', 'state'] as const)
    if (view[name]) query.set(name, view[name]);
  if (view.sort !== 'name') query.set('sort', view.sort);
  if (view.direction !== firstDirection[view.sort]) query.set('direction', view.direction);
  if (view.offset > 0) query.set('offset', String(view.offset));
  return query.size > 0 ? `/admin/people?${query}` : '/admin/people';
}

/** The view sorted by a column: the other way round where it is sorted by it already. Begins with the first page. */
export function sortedBy(view: PeopleView, sort: PeopleSort): PeopleView {
  const turned = view.direction === 'asc' ? 'desc' : 'asc';
  return { ...view, sort, direction: view.sort === sort ? turned : firstDirection[sort], offset: 0 };
}
