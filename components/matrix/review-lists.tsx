// The changes that wait for the saving, once by tool with whom each reaches, once by group.
import Minus from 'lucide-react/icons/minus';
import Plus from 'lucide-react/icons/plus';
import TriangleAlert from 'lucide-react/icons/triangle-alert';
import type { ReactNode } from 'react';
import type { OperationAnswer } from '@/lib/portal/operations';
import { ClassBadge } from '../tools/tool-badges';
import { count, isOpen } from '../tools/words';
import { Badge } from '../ui/badge';
import { ScrollArea } from '../ui/scroll-area';
import { Skeleton } from '../ui/skeleton';
import type { GroupChange } from './draft';
import type { MatrixGroup, MatrixTool } from './model';
import { listed } from './pairs';

export type Preview = OperationAnswer<'POST /groups/changes/preview'>;
type Affected = Preview['tools'][number]['gains'];

/** `preview` is null until the server has counted; `counted` is false where it could not. */
export function ByTool({
  changes,
  names,
  tools,
  preview,
  counted,
}: {
  changes: readonly GroupChange[];
  names: ReadonlyMap<string, string>;
  tools: ReadonlyMap<string, MatrixTool>;
  preview: Preview | null;
  counted: boolean;
}) {
  const touched = [...new Set(changes.flatMap(({ add, remove }) => [...add, ...remove]))];
  const rows = [...tools.values()].filter(({ name }) => touched.includes(name));
  const reach = new Map(preview?.tools.map((entry) => [entry.name, entry]));
  const groupsWith = (kind: 'add' | 'remove', name: string) =>
    changes.filter((change) => change[kind].includes(name)).map(({ slug }) => names.get(slug) ?? slug);
  return (
    <ScrollArea label="Changes by tool" className="border-line rounded-box max-h-[40dvh] border">
      <ul className="divide-line divide-y">
        {rows.map((tool) => {
          const affected = reach.get(tool.name);
          return (
            <li key={tool.name} className="px-3 py-2 text-sm">
              <div className="flex flex-wrap items-center gap-x-2 gap-y-1">
                <code className="font-mono text-xs font-medium [overflow-wrap:anywhere]">{tool.name}</code>
                <ClassBadge toolClass={tool.class} />
                <span className="flex flex-wrap gap-1">
                  <Signs on names={groupsWith('add', tool.name)} />
                  <Signs on={false} names={groupsWith('remove', tool.name)} />
                </span>
              </div>
              {!isOpen(tool) ? (
                <p className="text-ink-3">
                  {tool.blocked
                    ? 'Blocked for everybody, so nobody gains or loses it now.'
                    : tool.status === 'missing'
                      ? 'Asana no longer lists it, so nobody gains or loses it now.'
                      : 'Waiting for review, so a tick takes effect only then.'}
                </p>
              ) : (
                counted &&
                (affected ? (
                  <Reach gains={affected.gains} loses={affected.loses} name={tool.name} />
                ) : preview ? (
                  <p className="text-ink-3">Changes nothing for anybody.</p>
                ) : (
                  <Skeleton className="mt-1 h-4 w-1/2" />
                ))
              )}
            </li>
          );
        })}
      </ul>
    </ScrollArea>
  );
}

function Reach({ gains, loses, name }: { gains: Affected; loses: Affected; name: string }) {
  if (gains.people === 0 && loses.people === 0)
    return <p className="text-ink-3">Changes nothing for anybody.</p>;
  return (
    <>
      {gains.people > 0 && (
        <Sentence affected={gains}>
          Gives {name} to {count(gains.people, 'person', 'people')}
        </Sentence>
      )}
      {loses.people > 0 && (
        <Sentence affected={loses}>
          Takes {name} from {count(loses.people, 'person', 'people')}
        </Sentence>
      )}
    </>
  );
}

function Sentence({ affected, children }: { affected: Affected; children: ReactNode }) {
  const { agents, people, sample } = affected;
  const more = people - sample.length;
  return (
    <p className="text-ink-2">
      {children}
      {agents > 0 ? `, ${count(agents, 'agent')} active this week` : ', no agent active this week'}.{' '}
      <span className="text-ink-3">
        {listed([...sample.map((person) => person.name), ...(more > 0 ? [`${more} more`] : [])])}
      </span>
    </p>
  );
}

function Signs({ on, names }: { on: boolean; names: readonly string[] }) {
  return names.map((name) => (
    <Badge
      key={name}
      tone={on ? 'success' : 'danger'}
      icon={on ? <Plus aria-hidden="true" /> : <Minus aria-hidden="true" />}
    >
      <span className="sr-only">{on ? 'added to' : 'removed from'}</span> {name}
    </Badge>
  ));
}

/** `groups` are those of the matrix. */
export function ByGroup({
  changes,
  groups,
  tools,
}: {
  changes: readonly GroupChange[];
  groups: readonly MatrixGroup[];
  tools: ReadonlyMap<string, MatrixTool>;
}) {
  const bySlug = new Map(groups.map((group) => [group.slug, group]));
  return (
    <ScrollArea label="Changes by group" className="border-line rounded-box max-h-[40dvh] border">
      <ul className="divide-line divide-y">
        {changes.map(({ slug, add, remove }) => {
          const group = bySlug.get(slug);
          return (
            <li key={slug} className="px-3 py-2 text-sm">
              <p className="font-medium">
                {group?.name ?? slug}{' '}
                <span className="text-ink-3 font-normal">
                  {count(group?.people ?? 0, 'person', 'people')}
                </span>
              </p>
              <ul className="mt-1 flex flex-wrap gap-x-4 gap-y-0.5">
                {[
                  ...add.map((name) => ({ name, on: true })),
                  ...remove.map((name) => ({ name, on: false })),
                ].map(({ name, on }) => (
                  <li key={name} className="flex items-center gap-1">
                    {on ? (
                      <Plus aria-hidden="true" className="text-success size-3.5" />
                    ) : (
                      <Minus aria-hidden="true" className="text-danger size-3.5" />
                    )}
                    <span className="sr-only">{on ? 'adds' : 'removes'}</span>
                    <code className="font-mono text-xs">{name}</code>
                    {on && tools.get(name)?.class !== 'read' && tools.get(name)?.class !== 'write' && (
                      <TriangleAlert aria-label="dangerous" className="text-danger size-3.5" />
                    )}
                  </li>
                ))}
              </ul>
            </li>
          );
        })}
      </ul>
    </ScrollArea>
  );
}
