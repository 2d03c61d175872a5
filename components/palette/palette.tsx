// The command palette: people, groups, tools and own tokens by name; the rooms; what can be done from anywhere.
'use client';
import { Dialog as Base } from '@base-ui/react/dialog';
import { Command } from 'cmdk';
import ArrowRight from 'lucide-react/icons/arrow-right';
import KeyRound from 'lucide-react/icons/key-round';
import Search from 'lucide-react/icons/search';
import UserRound from 'lucide-react/icons/user-round';
import Users from 'lucide-react/icons/users';
import Wrench from 'lucide-react/icons/wrench';
import { useRouter } from 'next/navigation';
import type { ReactNode } from 'react';
import { roomIcons } from '../shell/navigation';
import { roomsOf, type Role } from '../shell/rooms';
import { Badge } from '../ui/badge';
import { classNames } from '../ui/class-names';
import { popupClasses, veilClasses } from '../ui/dialog';
import { Keys } from '../ui/keys';
import { Spinner } from '../ui/spinner';
import { toolClasses } from '../tools/words';
import { actionsOf, matches } from './commands';
import { Group, Item } from './palette-list';
import { useDeeds } from './use-deeds';
import { useSearch, type Found } from './use-search';

/** Lives while it is open. `onShortcuts` shows the keys in its place. */
export default function Palette({
  role,
  endpoint,
  search,
  onSearch,
  onClose,
  onShortcuts,
}: {
  role: Role;
  endpoint: string;
  search: string;
  onSearch: (search: string) => void;
  onClose: () => void;
  onShortcuts: () => void;
}) {
  const router = useRouter();
  const { found, pending, problem } = useSearch(search);
  const deeds = useDeeds({ endpoint, onClose, onShortcuts });
  const open = (href: string) => {
    onClose();
    router.push(href);
  };
  const rooms = roomsOf(role).filter(({ text, words }) => matches(`${text} ${words}`, search));
  const actions = actionsOf(role).filter(({ text, words }) => matches(`${text} ${words}`, search));
  // What is called so comes before what is only found under such a word: "sync tools" is the action, not the room.
  const named = ({ text }: { text: string }) => matches(text, search);
  rooms.sort((a, b) => Number(named(b)) - Number(named(a)));
  actions.sort((a, b) => Number(named(b)) - Number(named(a)));
  const actionFirst = actions.some(named) && !rooms.some(named);
  const things = found ? thingsOf(found, role) : [];
  const total = things.length + rooms.length + actions.length;
  const roomGroup = (
    <Group heading="Go to">
      {rooms.map(({ href, text, key }) => {
        const Icon = roomIcons[href];
        return (
          <Item
            key={href}
            id={`room ${href}`}
            icon={<Icon aria-hidden="true" />}
            onSelect={() => open(href)}
            mark={
              <span className="max-sm:hidden pointer-coarse:hidden">
                <Keys keys={['G', key.toUpperCase()]} />
              </span>
            }
          >
            {text}
          </Item>
        );
      })}
    </Group>
  );
  const actionGroup = (
    <Group heading="Do">
      {actions.map(({ deed, text }) => (
        <Item
          key={deed}
          id={`deed ${deed}`}
          icon={<ArrowRight aria-hidden="true" />}
          onSelect={() => deeds.perform(deed)}
        >
          {text}
        </Item>
      ))}
    </Group>
  );
  return (
    <Base.Root
      open
      onOpenChange={(next) => {
        if (!next) onClose();
      }}
    >
      <Base.Portal>
        <Base.Backdrop className={veilClasses} />
        <Base.Viewport className="fixed inset-0 z-30 flex items-start justify-center p-3 sm:pt-[14vh]">
          <Base.Popup className={classNames(popupClasses, 'max-sm:rounded-b-box max-w-xl overflow-hidden')}>
            <Base.Title className="sr-only">Search or do</Base.Title>
            <Command shouldFilter={false} loop label="Search or do">
              <div className="border-line flex items-center gap-2.5 border-b px-3.5">
                <Search aria-hidden="true" className="text-ink-3 size-4 shrink-0" />
                <Command.Input
                  value={search}
                  onValueChange={onSearch}
                  placeholder={placeholders[role]}
                  className="placeholder:text-ink-3 h-11 min-w-0 flex-1 bg-transparent text-base outline-hidden max-sm:text-[1rem]"
                />
                {(pending || deeds.pending) && <Spinner className="text-ink-3 appear-late" />}
              </div>
              {problem && (
                <p role="alert" className="text-danger px-3.5 pt-2 text-sm">
                  {problem} Pages and actions still work.
                </p>
              )}
              {deeds.problem && (
                <p role="alert" className="text-danger px-3.5 pt-2 text-sm [overflow-wrap:anywhere]">
                  {deeds.problem}
                </p>
              )}
              {!pending && !problem && total === 0 && (
                <p className="text-ink-3 px-2 py-6 text-center text-sm">
                  Nothing here is called “{search.trim()}”.
                </p>
              )}
              <Command.List
                label="Results"
                hidden={total === 0}
                className="max-h-[min(24rem,60dvh)] overflow-y-auto p-1.5"
              >
                {actionFirst && actionGroup}
                {roomGroup}
                {!actionFirst && actionGroup}
                {/* Last, because it comes later: what is chosen must not move from under Enter. */}
                <Group heading="Found">
                  {things.map(({ id, text, note, href, icon, mark }) => (
                    <Item key={id} id={id} icon={icon} onSelect={() => open(href)} mark={mark}>
                      <span className="min-w-0 truncate">{text}</span>
                      <span className="text-ink-3 min-w-0 truncate">{note}</span>
                    </Item>
                  ))}
                </Group>
              </Command.List>
            </Command>
            <output className="sr-only">{search.trim() !== '' && !pending ? `${total} results` : ''}</output>
          </Base.Popup>
        </Base.Viewport>
      </Base.Portal>
    </Base.Root>
  );
}

const placeholders: Record<Role, string> = {
  admin: 'People, groups, tools, pages, actions',
  auditor: 'Tools, agent tokens, pages, actions',
  member: 'Tools, agent tokens, pages, actions',
};

interface Thing {
  id: string;
  text: string;
  note: string;
  href: string;
  icon: ReactNode;
  mark?: ReactNode;
}

/** What was found, with the page that shows it to this role. */
function thingsOf({ people, groups, tools, tokens }: Found, role: Role): Thing[] {
  return [
    ...people.map(({ email, name }) => ({
      ...{ id: `person ${email}`, text: name, note: email, icon: <UserRound aria-hidden="true" /> },
      href: `/admin/people/${encodeURIComponent(email)}`,
    })),
    ...groups.map(({ slug, name }) => ({
      ...{ id: `group ${slug}`, text: name, note: 'Group', icon: <Users aria-hidden="true" /> },
      href: `/admin/groups/${encodeURIComponent(slug)}`,
    })),
    ...tools.map(({ name, title, class: toolClass }) => {
      const { title: words, tone } = toolClasses.find(({ id }) => id === toolClass)!;
      return {
        ...{ id: `tool ${name}`, text: title ?? name, note: title ? name : '' },
        icon: <Wrench aria-hidden="true" />,
        mark: <Badge tone={tone}>{words}</Badge>,
        href:
          role === 'member'
            ? `/explain?tool=${encodeURIComponent(name)}`
            : `/admin/tools/${encodeURIComponent(name)}`,
      };
    }),
    ...tokens.map(({ id, name }) => ({
      ...{ id: `token ${id}`, text: name, note: 'My agent token', icon: <KeyRound aria-hidden="true" /> },
      href: '/tokens',
    })),
  ];
}
