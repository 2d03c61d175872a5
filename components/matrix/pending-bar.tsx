// What is not saved yet, in its own place below the matrix: it takes room of its own and covers nothing.
'use client';
import Undo2 from 'lucide-react/icons/undo-2';
import X from 'lucide-react/icons/x';
import { aboutTokens, count } from '../tools/words';
import { Button } from '../ui/button';
import { IconButton } from '../ui/icon-button';
import { listed, type Offer } from './pairs';

/** "12 changes in 3 groups". */
export function sizeWords({ cells, groups }: { cells: number; groups: number }): string {
  return `${count(cells, 'change')} in ${count(groups, 'group')}`;
}

export function PendingBar({
  size,
  restored,
  onReview,
  onBack,
  onDiscard,
}: {
  size: { cells: number; groups: number };
  restored: number;
  onReview: () => void;
  onBack: () => void;
  onDiscard: () => void;
}) {
  return (
    <section
      aria-label="Unsaved changes"
      className="bg-raised shadow-raised rounded-box flex flex-wrap items-center gap-x-4 gap-y-2 px-4 py-2.5"
    >
      <p className="min-w-0 flex-1 basis-56 text-sm">
        <span className="font-semibold">{sizeWords(size)}</span>{' '}
        <span className="text-ink-3">
          {restored > 0
            ? 'kept from before you left this page; nothing is in force yet.'
            : 'not saved; nobody’s tools have changed yet.'}
        </span>
      </p>
      <div className="flex gap-2">
        <IconButton label="Take the last step back" icon={<Undo2 aria-hidden="true" />} onClick={onBack} />
        <Button onClick={onDiscard}>Discard</Button>
        <Button variant="primary" onClick={onReview} aria-keyshortcuts="Control+S Meta+S">
          Review and save
        </Button>
      </div>
    </section>
  );
}

/** What a tick left half done, with the one deed that completes it. */
export function OfferBar({
  offer,
  groupNames,
  powers,
  onAccept,
  onDismiss,
}: {
  offer: Offer;
  groupNames: readonly string[];
  /** What the offered tools can do. */
  powers: readonly string[];
  onAccept: () => void;
  onDismiss: () => void;
}) {
  return (
    <output className="bg-warn-soft shadow-raised rounded-box flex flex-wrap items-center gap-x-4 gap-y-2 px-4 py-2 text-sm forced-colors:border">
      <span className="text-ink-2 min-w-0 flex-1 basis-72 [overflow-wrap:anywhere]">
        {offerWords(offer, groupNames, powers)}
      </span>
      <span className="flex items-center gap-1">
        <Button size="sm" onClick={onAccept}>
          {offer.on ? 'Tick' : 'Untick'} {listed(offer.tools)} too
        </Button>
        <IconButton label="Not needed" icon={<X aria-hidden="true" />} onClick={onDismiss} />
      </span>
    </output>
  );
}

/** What stands there while nothing waits: the way back from the last save, or what all `tools` would cost, and the keys. */
export function QuietBar({
  tools,
  tokens,
  mayChange,
  pending,
  onUndo,
}: {
  tools: number;
  tokens: number;
  mayChange: boolean;
  pending: boolean;
  onUndo: (() => void) | null;
}) {
  return (
    <p className="text-ink-3 mt-3 flex min-h-8 flex-wrap items-center gap-x-4 gap-y-1 text-xs max-md:hidden">
      {onUndo ? (
        <Button size="sm" loading={pending} onClick={onUndo}>
          Undo the last save
        </Button>
      ) : (
        <span>
          All {count(tools, 'tool')} would cost a model {aboutTokens(tokens)}; a column says what its group
          costs.
        </span>
      )}
      {mayChange && (
        <span>
          <kbd>Arrows</kbd> move, <kbd>Space</kbd> ticks, <kbd>Shift</kbd>+<kbd>Space</kbd> a row,{' '}
          <kbd>Enter</kbd> opens arguments, <kbd>Ctrl</kbd>+<kbd>S</kbd> saves
        </span>
      )}
    </p>
  );
}

function offerWords(
  { kind, tools, because }: Offer,
  groupNames: readonly string[],
  powers: readonly string[],
): string {
  const whom = groupNames.length > 3 ? count(groupNames.length, 'group') : listed(groupNames);
  const [these, those] = [listed(because), listed(tools)];
  if (kind === 'preview_lacks_confirm')
    return `${these} only draws a form. Its button calls ${those}, which ${whom} does not have${powers.length > 0 ? `; it ${listed(powers)}` : ''}. An agent can call it without the form, too.`;
  if (kind === 'confirm_left_preview')
    return `${those} is still ticked for ${whom}, but without ${these} its button fails.`;
  return `${these} is what the button of ${those} calls. Without the form nobody is shown anything first in ${whom}.`;
}
