// The frame of pages outside the rooms: sign-in, set-up, invite, not found.
import type { ReactNode } from 'react';
import { Logo } from '../logo';

export function Entrance({
  title,
  description,
  children,
}: {
  title: string;
  description?: ReactNode;
  children: ReactNode;
}) {
  return (
    <main className="mx-auto flex min-h-dvh w-full max-w-[25rem] flex-col px-4 pt-[max(2rem,14dvh)] pb-10">
      <div className="mb-6 flex items-center gap-2.5">
        <Logo className="size-7" />
        <span className="font-semibold">Gatehouse</span>
      </div>
      <h1 className="text-xl font-semibold tracking-tight">{title}</h1>
      {description && <div className="text-ink-3 mt-1 text-pretty">{description}</div>}
      <div className="mt-6">{children}</div>
    </main>
  );
}
