// Asks before something ends: says what, for whom, and names the deed on the button.
'use client';
import { AlertDialog as Base } from '@base-ui/react/alert-dialog';
import type { ReactNode } from 'react';
import { Button } from './button';
import { classNames } from './class-names';
import { popupClasses, stageClasses, veilClasses } from './dialog';

/** Controlled. `confirm` is the deed in words ("Revoke token"); `problem` is shown above the buttons when it failed. */
export function AlertDialog({
  open,
  onOpenChange,
  title,
  children,
  confirm,
  cancel = 'Cancel',
  danger = true,
  pending,
  problem,
  onConfirm,
}: {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  title: ReactNode;
  children: ReactNode;
  confirm: string;
  cancel?: string;
  danger?: boolean;
  pending: boolean;
  problem?: ReactNode;
  onConfirm: () => void | Promise<void>;
}) {
  return (
    <Base.Root open={open} onOpenChange={(next) => onOpenChange(next)}>
      <Base.Portal>
        <Base.Backdrop className={veilClasses} />
        <Base.Viewport className={stageClasses}>
          <Base.Popup className={classNames(popupClasses, 'p-4 sm:max-w-md')}>
            <Base.Title className="text-lg font-semibold">{title}</Base.Title>
            <Base.Description render={<div />} className="text-ink-2 mt-1.5 text-sm [overflow-wrap:anywhere]">
              {children}
            </Base.Description>
            {problem && <div className="mt-3">{problem}</div>}
            <div className="mt-5 flex flex-wrap justify-end gap-2 max-sm:flex-col-reverse max-sm:*:w-full">
              <Base.Close render={<Button>{cancel}</Button>} />
              <Button variant={danger ? 'danger' : 'primary'} loading={pending} onClick={onConfirm}>
                {confirm}
              </Button>
            </div>
          </Base.Popup>
        </Base.Viewport>
      </Base.Portal>
    </Base.Root>
  );
}
