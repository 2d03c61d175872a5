// The rooms a person may enter, with the one they are in marked.
'use client';
import Activity from 'lucide-react/icons/activity';
import AppWindow from 'lucide-react/icons/app-window';
import Blocks from 'lucide-react/icons/blocks';
import Bot from 'lucide-react/icons/bot';
import Building from 'lucide-react/icons/building';
import CircleQuestionMark from 'lucide-react/icons/circle-question-mark';
import HeartPulse from 'lucide-react/icons/heart-pulse';
import House from 'lucide-react/icons/house';
import IdCard from 'lucide-react/icons/id-card';
import Inbox from 'lucide-react/icons/inbox';
import ListChecks from 'lucide-react/icons/list-checks';
import Link2 from 'lucide-react/icons/link-2';
import ScanSearch from 'lucide-react/icons/scan-search';
import ScrollText from 'lucide-react/icons/scroll-text';
import ShieldAlert from 'lucide-react/icons/shield-alert';
import Stamp from 'lucide-react/icons/stamp';
import UserRound from 'lucide-react/icons/user-round';
import Users from 'lucide-react/icons/users';
import Wrench from 'lucide-react/icons/wrench';
import Link, { useLinkStatus } from 'next/link';
import { usePathname } from 'next/navigation';
import { OpenApprovalCount } from '../approvals/open-count';
import { OpenRequestCount } from '../requests/open-count';
import { OpenReviewCount } from '../reviews/open-count';
import { SpentBudgetCount } from '../write-safety/spent-count';
import { classNames } from '../ui/class-names';
import { Spinner } from '../ui/spinner';
import { roomsOf, type Role, type RoomPath } from './rooms';

export const roomIcons: Record<RoomPath, typeof House> = {
  '/': House,
  '/connections': Link2,
  '/tokens': Bot,
  '/activity': Activity,
  '/approvals': Stamp,
  '/explain': CircleQuestionMark,
  '/admin/asana': Blocks,
  '/admin/tools': Wrench,
  '/admin/reviews': ShieldAlert,
  '/admin/groups': Users,
  '/admin/policy-tests': ListChecks,
  '/admin/people': UserRound,
  '/admin/directory': IdCard,
  '/admin/clients': AppWindow,
  '/admin/requests': Inbox,
  '/admin/explain': ScanSearch,
  '/admin/audit': ScrollText,
  '/admin/health': HeartPulse,
  '/admin/organization': Building,
};

/** Hidden rooms are hidden for tidiness only: each page asks for the role itself. */
export function Navigation({ role }: { role: Role }) {
  const path = usePathname();
  const open = roomsOf(role);
  const [own, admin] = [open.filter((room) => !room.admin), open.filter((room) => room.admin)];
  const entry = ({ href, text }: (typeof open)[number]) => (
    <Entry
      key={href}
      href={href}
      text={text}
      Icon={roomIcons[href]}
      isAdmin={role === 'admin'}
      current={path === href || (href !== '/' && path.startsWith(`${href}/`))}
    />
  );
  return (
    <nav aria-label="Rooms" className="flex flex-col gap-5">
      <ul className="flex flex-col gap-px">{own.map(entry)}</ul>
      {admin.length > 0 && (
        <div>
          <h2 className="text-ink-3 mb-1 px-2 text-xs font-medium">
            {role === 'admin' ? 'Admin' : 'Auditor'}
          </h2>
          <ul className="flex flex-col gap-px">{admin.map(entry)}</ul>
        </div>
      )}
    </nav>
  );
}

function Entry({
  href,
  text,
  Icon,
  isAdmin,
  current,
}: {
  href: string;
  text: string;
  Icon: typeof House;
  isAdmin: boolean;
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
        {href === '/approvals' && <OpenApprovalCount />}
        {href === '/admin/requests' && <OpenRequestCount />}
        {href === '/admin/reviews' && isAdmin && <OpenReviewCount />}
        {href === '/admin/people' && <SpentBudgetCount />}
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
