// A dialog over the page: focus goes in, stays in, and comes back; Escape closes it.
'use client';
import { Dialog as Base } from '@base-ui/react/dialog';
import X from 'lucide-react/icons/x';
import type { ReactNode } from 'react';
import { classNames } from './class-names';
import { IconButton } from './icon-button';

// They come with a short movement and go at once; text is never half transparent, so its contrast always holds.
export const veilClasses =
  'veil bg-veil fixed inset-0 z-30 transition-opacity duration-150 data-starting-style:opacity-0';
export const stageClasses =
  'fixed inset-0 z-30 flex items-end justify-center sm:items-start sm:overflow-y-auto sm:px-4 sm:py-[max(1.5rem,8vh)]';
export const popupClasses =
  'bg-raised rounded-box shadow-raised relative flex w-full flex-col outline-hidden transition-[translate] duration-150 max-sm:max-h-[92dvh] max-sm:rounded-b-none max-sm:overflow-y-auto data-starting-style:translate-y-2';

/** Controlled. `sticky` keeps a click beside it from closing it: for what would be lost (a secret shown once). */
export function Dialog({
  open,
  onOpenChange,
  title,
  description,
  wide = false,
  sticky = false,
  children,
}: {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  title: ReactNode;
  description?: ReactNode;
  wide?: boolean;
  sticky?: boolean;
  children: ReactNode;
}) {
  return (
    <Base.Root open={open} onOpenChange={(next) => onOpenChange(next)} disablePointerDismissal={sticky}>
      <Base.Portal>
        <Base.Backdrop className={veilClasses} />
        <Base.Viewport className={stageClasses}>
          <Base.Popup className={classNames(popupClasses, wide ? 'sm:max-w-2xl' : 'sm:max-w-md')}>
            <div className="px-4 pt-3.5 pr-12">
              <Base.Title className="text-lg font-semibold">{title}</Base.Title>
              {description && (
                <Base.Description className="text-ink-3 text-sm">{description}</Base.Description>
              )}
            </div>
            <div className="px-4 pt-3 pb-4">{children}</div>
            {/* Last in order, so that the focus begins in the content. */}
            <Base.Close
              render={
                <IconButton
                  label="Close"
                  icon={<X aria-hidden="true" />}
                  className="absolute! top-2.5 right-2.5"
                />
              }
            />
          </Base.Popup>
        </Base.Viewport>
      </Base.Portal>
    </Base.Root>
  );
}

/** The row of buttons at a dialog's end. */
export function DialogActions({ children }: { children: ReactNode }) {
  return (
    <div className="mt-5 flex flex-wrap justify-end gap-2 max-sm:flex-col-reverse max-sm:*:w-full">
      {children}
    </div>
  );
}
