// The rooms a person may enter, with the one they are in marked.
'use client';
import Blocks from 'lucide-react/icons/blocks';
import Building from 'lucide-react/icons/building';
import HeartPulse from 'lucide-react/icons/heart-pulse';
import House from 'lucide-react/icons/house';
import KeyRound from 'lucide-react/icons/key-round';
import Link2 from 'lucide-react/icons/link-2';
import ScrollText from 'lucide-react/icons/scroll-text';
import UserRound from 'lucide-react/icons/user-round';
import Users from 'lucide-react/icons/users';
import Wrench from 'lucide-react/icons/wrench';
import Link, { useLinkStatus } from 'next/link';
import { usePathname } from 'next/navigation';
import { classNames } from '../ui/class-names';
import { Spinner } from '../ui/spinner';

export type Role = 'admin' | 'auditor' | 'member';

const own = [
  { href: '/', text: 'Home', Icon: House },
  { href: '/connections', text: 'Connections', Icon: Link2 },
  { href: '/tokens', text: 'Tokens', Icon: KeyRound },
] as const;

const rooms = [
  { href: '/admin/asana', text: 'Asana app', Icon: Blocks, roles: ['admin'] },
  { href: '/admin/tools', text: 'Tools', Icon: Wrench, roles: ['admin', 'auditor'] },
  { href: '/admin/groups', text: 'Groups', Icon: Users, roles: ['admin'] },
  { href: '/admin/people', text: 'People', Icon: UserRound, roles: ['admin'] },
  { href: '/admin/audit', text: 'Audit', Icon: ScrollText, roles: ['admin', 'auditor'] },
  { href: '/admin/health', text: 'Health', Icon: HeartPulse, roles: ['admin'] },
  { href: '/admin/organization', text: 'Organization', Icon: Building, roles: ['admin'] },
] as const satisfies readonly { roles: readonly Role[]; href: string; text: string; Icon: typeof House }[];

/** Hidden rooms are hidden for tidiness only: each page asks for the role itself. */
export function Navigation({ role }: { role: Role }) {
  const path = usePathname();
  const open = rooms.filter((room) => (room.roles as readonly Role[]).includes(role));
  return (
    <nav aria-label="Rooms" className="flex flex-col gap-5">
      <ul className="flex flex-col gap-px">
        {own.map((entry) => (
          <Entry key={entry.href} {...entry} current={path === entry.href} />
        ))}
      </ul>
      {open.length > 0 && (
        <div>
          <h2 className="text-ink-3 mb-1 px-2 text-xs font-medium">Admin</h2>
          <ul className="flex flex-col gap-px">
            {open.map((entry) => (
              <Entry
                key={entry.href}
                {...entry}
                current={path === entry.href || path.startsWith(`${entry.href}/`)}
              />
            ))}
          </ul>
        </div>
      )}
    </nav>
  );
}

function Entry({
  href,
  text,
  Icon,
  current,
}: {
  href: string;
  text: string;
  Icon: typeof House;
  current: boolean;
}) {
  return (
    <li>
      <Link
        href={href}
        aria-current={current ? 'page' : undefined}
        className={classNames(
          'rounded-box flex h-8 items-center gap-2.5 px-2 text-sm font-medium pointer-coarse:h-10',
          current ? 'bg-hover text-ink' : 'text-ink-2 hover:bg-hover/70 hover:text-ink',
        )}
      >
        <Icon aria-hidden="true" className={classNames('size-4', current ? 'text-accent' : 'text-ink-3')} />
        {text}
        <OnTheWay />
      </Link>
    </li>
  );
}

// Pages are made on the server; after a tenth of a second the entry shows that one is on its way.
function OnTheWay() {
  const { pending } = useLinkStatus();
  return pending ? <Spinner className="text-ink-3 appear-late ml-auto size-3.5" /> : null;
}
