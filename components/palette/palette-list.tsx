// The palette's groups and entries.
import { Command } from 'cmdk';
import type { ReactNode } from 'react';

/** Nothing without entries: a heading over nothing would be read out. */
export function Group({ heading, children }: { heading: string; children: readonly ReactNode[] }) {
  if (children.length === 0) return null;
  return (
    <Command.Group
      heading={heading}
      className="[&_[cmdk-group-heading]]:text-ink-3 [&_[cmdk-group-heading]]:px-2 [&_[cmdk-group-heading]]:pt-2 [&_[cmdk-group-heading]]:pb-1 [&_[cmdk-group-heading]]:text-xs [&_[cmdk-group-heading]]:font-medium"
    >
      {children}
    </Command.Group>
  );
}

/** `id` tells it from the others; `mark` stands at its end. */
export function Item({
  id,
  icon,
  mark,
  onSelect,
  children,
}: {
  id: string;
  icon: ReactNode;
  mark?: ReactNode;
  onSelect: () => void;
  children: ReactNode;
}) {
  return (
    <Command.Item
      value={id}
      onSelect={onSelect}
      className="data-[selected=true]:bg-hover rounded-inner [&_svg]:text-ink-3 flex min-h-8 cursor-pointer items-center gap-2.5 px-2 py-1 text-sm select-none pointer-coarse:min-h-10 forced-colors:data-[selected=true]:outline [&_svg]:size-4 [&_svg]:shrink-0"
    >
      {icon}
      <span className="flex min-w-0 flex-1 items-baseline gap-2">{children}</span>
      {mark}
    </Command.Item>
  );
}
