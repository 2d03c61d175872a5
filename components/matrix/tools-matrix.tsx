// Tools × groups: one draft over all groups, from the first tick to the review, the saving, and the way back. Long, because the draft,
// the groups as they were read and what is open over them change each other.
'use client';
import { useDeferredValue, useEffect, useMemo, useRef, useState, type ReactNode } from 'react';
import { ToolDeed, type Deed } from '../tools/tool-actions';
import { count } from '../tools/words';
import { AlertDialog } from '../ui/alert-dialog';
import { Callout } from '../ui/callout';
import { Skeleton } from '../ui/skeleton';
import { toast } from '../ui/toast';
import { columnsOf } from './cells';
import { GroupMenu } from './group-menu';
import { changesOf, emptyDraft, sizeOf, sizeOfChanges, type GroupChange } from './draft';
import { LeaveGuard } from './leave-guard';
import { MatrixGrid, type CellRef } from './matrix-grid';
import { mergeOf, resolved, type Merge } from './merge';
import { FirstGroup, NoToolMatches } from './matrix-empty';
import { MergeDialog } from './merge-dialog';
import {
  sectionsOf,
  shownGroups,
  shownTools,
  type MatrixFilter,
  type MatrixGroup,
  type MatrixTool,
} from './model';
import { OneGroup } from './one-group';
import { useFilterInUrl, useNarrow, useShortcuts } from './page-hooks';
import { pairsOf } from './pairs';
import { OfferBar, PendingBar, QuietBar, sizeWords } from './pending-bar';
import { usePendingDraft } from './pending-draft';
import { ReviewDialog } from './review-dialog';
import { useSaving } from './saving';
import { Toolbar } from './toolbar';
import { forgetDefinitions } from './tool-details';
import { ToolMenu } from './tool-menu';

type Popup =
  | { kind: 'review'; changes: GroupChange[] }
  | { kind: 'merge'; merge: Merge; fresh: MatrixGroup[]; by: ReadonlyMap<string, string[]> }
  | { kind: 'discard' }
  | { kind: 'deed'; tool: MatrixTool; deed: Deed };

/**
 * `owner` is who works here (their draft is kept in the tab). Without `mayChange` (auditors) it is for reading. `found` is the cell a
 * link from elsewhere points at; `children` is the page's header.
 */
export function ToolsMatrix({
  owner,
  tools,
  groups,
  filter: first,
  found,
  mayChange,
  children,
}: {
  owner: string;
  tools: readonly MatrixTool[];
  groups: readonly MatrixGroup[];
  filter: MatrixFilter;
  found: CellRef | null;
  mayChange: boolean;
  children: ReactNode;
}) {
  const [filter, setFilter] = useState(first);
  const [popup, setPopup] = useState<Popup | null>(null);
  const [menu, setMenu] = useState<{ anchor: HTMLElement; group?: MatrixGroup; tool?: MatrixTool } | null>(
    null,
  );
  const [undo, setUndo] = useState<GroupChange[] | null>(null);
  const [notUndone, setNotUndone] = useState(false);
  const searchBox = useRef<HTMLInputElement>(null);
  const narrow = useNarrow();

  const byName = useMemo(() => new Map(tools.map((tool) => [tool.name, tool])), [tools]);
  const pairs = useMemo(() => pairsOf(tools), [tools]);
  const [base, setBase] = useState(groups);
  const pendingDraft = usePendingDraft(owner, base, byName, pairs);
  const { draft, offer } = pendingDraft;
  // Fresh groups from the server: those with unsaved ticks stay as they were read, so that saving notices what others did.
  const [seen, setSeen] = useState(groups);
  if (seen !== groups) {
    setSeen(groups);
    setBase(
      groups.map((group) =>
        draft.cells.has(group.slug) ? (base.find(({ slug }) => slug === group.slug) ?? group) : group,
      ),
    );
  }
  useEffect(forgetDefinitions, [tools]);

  const { pending, problem, save, forget } = useSaving();
  const size = sizeOf(draft);
  // Typing is drawn before what it finds.
  const wanted = useDeferredValue(filter);
  const rows = useMemo(() => shownTools(tools, wanted), [tools, wanted]);
  const shownRows = useMemo(() => new Set(rows), [rows]);
  const all = useMemo(() => sectionsOf(tools), [tools]);
  const sections = useMemo(() => sectionsOf(rows), [rows]);
  const shown = useMemo(() => shownGroups(base, wanted), [base, wanted]);
  const columns = useMemo(() => columnsOf(shown, draft), [shown, draft]);

  useFilterInUrl(filter, first);

  const review = () => {
    const changes = changesOf(base, draft);
    if (changes.length === 0 || popup) return;
    forget();
    setPopup({ kind: 'review', changes });
  };
  useShortcuts({ review, searchBox, enabled: popup === null && menu === null });

  async function send(changes: GroupChange[], isUndo: boolean) {
    const saved = await save(changes);
    if (saved.kind === 'saved') {
      const now = new Map(saved.groups.map((group) => [group.slug, group]));
      setBase((old) => old.map((group) => now.get(group.slug) ?? group));
      setPopup(null);
      setNotUndone(false);
      if (isUndo) {
        setUndo(null);
        toast('Taken back', 'In force from the next call on.');
        return;
      }
      pendingDraft.clear();
      setUndo(saved.undo);
      toast(`Saved ${sizeWords(sizeOfChanges(changes))}`, 'In force from the next call on.', {
        text: 'Undo',
        onClick: () => void send(saved.undo, true),
      });
    } else if (saved.kind === 'stale') {
      if (isUndo) {
        setUndo(null);
        setNotUndone(true);
        setBase((old) => (sizeOf(draft).cells === 0 ? saved.fresh : old));
      } else
        setPopup({
          kind: 'merge',
          fresh: saved.fresh,
          by: saved.by,
          merge: mergeOf(base, saved.fresh, draft, tools, pairs),
        });
    }
  }

  const addCells = (cells: readonly CellRef[], on: boolean) => {
    setNotUndone(false);
    pendingDraft.set(cells, on);
  };
  const nameOf = (slug: string) => base.find((group) => group.slug === slug)?.name ?? slug;
  const everything = tools.reduce((sum, { tokens }) => sum + tokens, 0);

  if (base.length === 0 && mayChange)
    return (
      <>
        {children}
        <FirstGroup tools={tools.length} tokens={everything} />
      </>
    );

  return (
    // The window's height is shared out: what scrolls is above the bar, never under it. On a narrow screen the header scrolls along.
    <div className="workbench flex h-[calc(100dvh-6rem)] flex-col md:min-h-128 lg:h-[calc(100dvh-3rem)]">
      <div className="-m-1 min-h-0 flex-1 overflow-y-auto p-1 md:contents">
        {children}
        <Toolbar
          {...{ filter, tools, searchBox }}
          groups={base}
          shown={shown.length}
          narrow={narrow === true}
          onChange={(part) => setFilter({ ...filter, ...part })}
        />
        {notUndone && (
          <Callout tone="warn" live className="mb-3" title="Not undone">
            Somebody changed one of these groups after you saved, so your change was left as it is. The matrix
            shows what stands now; untick what you want to take back.
          </Callout>
        )}
        {rows.length === 0 ? (
          <NoToolMatches
            search={filter.search}
            onShowAll={() => setFilter({ ...filter, search: '', toolClass: 'all', status: 'all' })}
          />
        ) : (
          <>
            {narrow !== true && (
              <div className="flex min-h-0 flex-1 flex-col max-md:hidden">
                <MatrixGrid
                  {...{ columns, pairs, mayChange, found }}
                  sections={all}
                  shown={shownRows}
                  tools={byName}
                  onSet={addCells}
                  onGroupMenu={(group, anchor) => setMenu({ group, anchor })}
                  onToolMenu={(tool, anchor) => setMenu({ tool, anchor })}
                />
              </div>
            )}
            {/* Only once the browser runs our code: a group chosen before would not be the one that is ticked. */}
            {narrow === null && <Skeleton className="h-96 w-full md:hidden" />}
            {narrow === true && (
              <OneGroup
                {...{ sections, pairs, mayChange, found }}
                tools={byName}
                all={columnsOf(base, draft)}
                everything={everything}
                onSet={addCells}
                onMenu={(group, anchor) => setMenu({ group, anchor })}
              />
            )}
          </>
        )}
      </div>
      {(offer || size.cells > 0) && (
        <div className="mt-3 flex flex-col gap-2">
          {offer && (
            <OfferBar
              offer={offer}
              groupNames={offer.groups.map(nameOf)}
              powers={[...new Set(offer.tools.flatMap((name) => byName.get(name)?.powers ?? []))]}
              onAccept={() =>
                addCells(
                  offer.tools.flatMap((tool) => offer.groups.map((group) => ({ tool, group }))),
                  offer.on,
                )
              }
              onDismiss={pendingDraft.dismissOffer}
            />
          )}
          {size.cells > 0 && (
            <PendingBar
              size={size}
              restored={pendingDraft.restored}
              onReview={review}
              onBack={pendingDraft.back}
              onDiscard={() => setPopup({ kind: 'discard' })}
            />
          )}
        </div>
      )}
      {!offer && size.cells === 0 && (
        <QuietBar
          tools={tools.length}
          tokens={everything}
          mayChange={mayChange}
          pending={pending}
          onUndo={undo ? () => void send(undo, true) : null}
        />
      )}
      <output className="sr-only">
        {pendingDraft.said} {count(rows.length, 'tool')} and {count(shown.length, 'group')} shown.
      </output>

      <GroupMenu
        menu={menu?.group ? { group: menu.group, anchor: menu.anchor } : null}
        onClose={() => setMenu(null)}
        onPreset={pendingDraft.preset}
        onHide={(slug) =>
          setFilter({ ...filter, groups: shown.map((group) => group.slug).filter((other) => other !== slug) })
        }
      />
      <ToolMenu
        menu={menu?.tool ? { tool: menu.tool, anchor: menu.anchor } : null}
        onClose={() => setMenu(null)}
        onAsk={(tool, deed) => setPopup({ kind: 'deed', tool, deed })}
      />
      {popup?.kind === 'deed' && (
        <ToolDeed tool={popup.tool} deed={popup.deed} onClose={() => setPopup(null)} />
      )}
      {popup?.kind === 'review' && (
        <ReviewDialog
          changes={popup.changes}
          groups={base}
          tools={byName}
          pending={pending}
          problem={problem}
          onSave={() => send(popup.changes, false)}
          onClose={() => setPopup(null)}
        />
      )}
      {popup?.kind === 'merge' && (
        <MergeDialog
          merge={popup.merge}
          by={popup.by}
          onClose={() => setPopup(null)}
          onDrop={() => {
            setBase(popup.fresh);
            pendingDraft.clear();
            setPopup(null);
          }}
          onUse={(decided) => {
            const next = resolved(popup.merge, popup.fresh, draft, new Set(byName.keys()), decided);
            setBase(popup.fresh);
            pendingDraft.replace(next);
            const changes = changesOf(popup.fresh, next);
            forget();
            setPopup(changes.length > 0 ? { kind: 'review', changes } : null);
            if (changes.length === 0) toast('Nothing left to save', 'What you wanted stands already.');
          }}
        />
      )}
      <AlertDialog
        open={popup?.kind === 'discard'}
        onOpenChange={() => setPopup(null)}
        title={`Discard ${sizeWords(size)}?`}
        cancel="Keep them"
        confirm="Discard"
        pending={false}
        onConfirm={() => {
          pendingDraft.replace(emptyDraft);
          pendingDraft.clear();
          setPopup(null);
        }}
      >
        The matrix goes back to what is in force now.
      </AlertDialog>
      <LeaveGuard
        changes={
          size.cells > 0 && popup === null ? `${sizeWords(size)} ${size.cells === 1 ? 'is' : 'are'}` : null
        }
        kept="They wait here in this tab until you come back; until they are saved nobody’s tools change."
      />
    </div>
  );
}
