// Short confirmations in a corner. Nothing is said only here: errors stay where they happened.
'use client';
import { Toast as Base } from '@base-ui/react/toast';
import CircleCheck from 'lucide-react/icons/circle-check';
import X from 'lucide-react/icons/x';

const manager = Base.createToastManager();

/** Says that something is done. An `action` (never the only way to do it) makes it stay longer. */
export function toast(
  title: string,
  description?: string,
  action?: { text: string; onClick: () => void },
): void {
  if (!action) {
    manager.add({ title, description });
    return;
  }
  const id = manager.add({
    title,
    description,
    timeout: 15_000,
    actionProps: {
      children: action.text,
      onClick: () => {
        manager.close(id);
        action.onClick();
      },
    },
  });
}

/** Where toasts appear; once per page. F6 reaches them. */
export function Toaster() {
  return (
    <Base.Provider toastManager={manager} limit={3}>
      <Base.Portal>
        <Base.Viewport className="fixed right-4 bottom-4 z-50 flex w-80 max-w-[calc(100vw-2rem)] flex-col gap-2">
          <Toasts />
        </Base.Viewport>
      </Base.Portal>
    </Base.Provider>
  );
}

function Toasts() {
  const { toasts } = Base.useToastManager();
  return toasts.map((entry) => (
    <Base.Root
      key={entry.id}
      toast={entry}
      className="bg-raised rounded-box shadow-raised transition-[translate] duration-200 data-limited:hidden data-starting-style:translate-y-2"
    >
      <Base.Content className="flex gap-2.5 px-3 py-2.5">
        <CircleCheck aria-hidden="true" className="text-success mt-0.5 size-4 shrink-0" />
        <div className="min-w-0 flex-1 text-sm [overflow-wrap:anywhere]">
          <Base.Title className="font-medium" />
          <Base.Description className="text-ink-3" />
          <Base.Action className="text-accent hover:bg-hover rounded-inner -ml-1.5 mt-0.5 inline-flex h-6 items-center px-1.5 font-medium" />
        </div>
        <Base.Close
          aria-label="Dismiss"
          className="text-ink-3 hover:bg-hover rounded-box -mr-1 inline-flex size-6 items-center justify-center"
        >
          <X aria-hidden="true" className="size-4" />
        </Base.Close>
      </Base.Content>
    </Base.Root>
  ));
}
