// A menu of actions behind a button.
'use client';
import { Menu as Base } from '@base-ui/react/menu';
import Check from 'lucide-react/icons/check';
import Link from 'next/link';
import type { ReactElement, ReactNode } from 'react';
import { classNames } from './class-names';

/** `trigger` is the button; it must have a name. */
export function Menu({
  trigger,
  side = 'bottom',
  align = 'end',
  children,
}: {
  trigger: ReactElement;
  side?: 'top' | 'bottom';
  align?: 'start' | 'end';
  children: ReactNode;
}) {
  return (
    <Base.Root>
      <Base.Trigger render={trigger} />
      <Base.Portal>
        <Base.Positioner side={side} align={align} sideOffset={4} className="z-40 outline-hidden">
          <Base.Popup className="bg-raised rounded-box shadow-raised min-w-48 p-1 outline-hidden">
            {children}
          </Base.Popup>
        </Base.Positioner>
      </Base.Portal>
    </Base.Root>
  );
}

/** The same menu opened by code at an element that stays its owner: one menu for many buttons. Open while `anchor` is given. */
export function MenuAt({
  anchor,
  label,
  align = 'end',
  onClose,
  children,
}: {
  anchor: HTMLElement | null;
  label: string;
  align?: 'start' | 'end';
  onClose: () => void;
  children: ReactNode;
}) {
  return (
    <Base.Root open={anchor !== null} onOpenChange={(open) => !open && onClose()}>
      <Base.Portal>
        <Base.Positioner anchor={anchor} align={align} sideOffset={4} className="z-40 outline-hidden">
          <Base.Popup
            aria-label={label}
            finalFocus={() => anchor}
            className="bg-raised rounded-box shadow-raised max-w-80 min-w-48 p-1 outline-hidden"
          >
            {children}
          </Base.Popup>
        </Base.Positioner>
      </Base.Portal>
    </Base.Root>
  );
}

const item =
  'flex h-8 w-full cursor-pointer items-center gap-2 rounded-inner px-2 text-sm outline-hidden select-none data-disabled:opacity-50 pointer-coarse:h-10 data-highlighted:bg-hover [&_svg]:size-4 [&_svg]:text-ink-3 forced-colors:data-highlighted:outline';

/** An action. */
export function MenuItem({
  icon,
  danger,
  onSelect,
  children,
}: {
  icon?: ReactNode;
  danger?: boolean;
  onSelect: () => void | Promise<void>;
  children: ReactNode;
}) {
  return (
    <Base.Item
      onClick={() => void onSelect()}
      className={classNames(item, danger && 'text-danger [&_svg]:text-danger')}
    >
      {icon}
      {children}
    </Base.Item>
  );
}

/** A way to another page. */
export function MenuLink({ icon, href, children }: { icon?: ReactNode; href: string; children: ReactNode }) {
  return (
    <Base.LinkItem render={<Link href={href} />} className={item}>
      {icon}
      {children}
    </Base.LinkItem>
  );
}

/** One of several, the chosen one ticked. Options as `[value, text]`. */
export function MenuChoice({
  label,
  value,
  options,
  onChange,
}: {
  label: string;
  value: string;
  options: readonly (readonly [value: string, text: string])[];
  onChange: (value: string) => void;
}) {
  return (
    <Base.RadioGroup value={value} onValueChange={(next: string) => onChange(next)}>
      <Base.GroupLabel className="text-ink-3 px-2 pt-1.5 pb-1 text-xs">{label}</Base.GroupLabel>
      {options.map(([option, text]) => (
        <Base.RadioItem key={option} value={option} closeOnClick={false} className={item}>
          <span className="inline-flex w-4">
            <Base.RadioItemIndicator>
              <Check aria-hidden="true" />
            </Base.RadioItemIndicator>
          </span>
          {text}
        </Base.RadioItem>
      ))}
    </Base.RadioGroup>
  );
}

/** A line between groups of items. */
export function MenuSeparator() {
  return <Base.Separator className="bg-line -mx-1 my-1 h-px" />;
}
