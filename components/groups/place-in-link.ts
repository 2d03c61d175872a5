// The gid in what an admin pastes: a gid, or the address of a page of Asana's in either of its forms. Pure.
import type { PlaceKind } from '@/lib/policy/argument-rules';

const NAMES = { projects: 'project', teams: 'team', portfolios: 'portfolio', sections: 'section' } as const;

/** The gid; null where the text holds none of that kind, or several that it could be. */
export function gidIn(text: string, kind: PlaceKind): string | null {
  const pasted = text.trim();
  if (/^[1-9]\d{0,31}$/.test(pasted)) return pasted;
  if (!/^https:\/\/app\.asana\.com\//.test(pasted)) return null;
  const path = new URL(pasted).pathname;
  // /1/WORKSPACE/project/GID/list, /0/portfolio/GID/list
  const named = new RegExp(`/${NAMES[kind]}/([1-9]\\d{0,31})(?:/|$)`).exec(path)?.[1];
  if (named) return named;
  // /0/GID/list was a project in the older form.
  return kind === 'projects' ? (/^\/0\/([1-9]\d{0,31})(?:\/|$)/.exec(path)?.[1] ?? null) : null;
}
