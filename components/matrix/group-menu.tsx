// What can be done with a whole column: presets, the group's own page, hiding it.
'use client';
import { presets } from '../groups/presets';
import { MenuAt, MenuItem, MenuLink, MenuSeparator } from '../ui/menu';
import type { MatrixGroup } from './model';

/** Open while `menu` is given; one menu serves all columns. */
export function GroupMenu({
  menu,
  onClose,
  onPreset,
  onHide,
}: {
  menu: { group: MatrixGroup; anchor: HTMLElement } | null;
  onClose: () => void;
  onPreset: (group: MatrixGroup, id: (typeof presets)[number]['id'], title: string) => void;
  onHide?: (slug: string) => void;
}) {
  return (
    <MenuAt
      anchor={menu?.anchor ?? null}
      label={`What to do with ${menu?.group.name ?? ''}`}
      onClose={onClose}
    >
      {menu && (
        <>
          {presets.map(({ id, title, note }) => (
            <MenuItem key={id} onSelect={() => onPreset(menu.group, id, title)}>
              <span className="py-1">
                <span className="block">{title}</span>
                <span className="text-ink-3 block text-xs whitespace-normal">{note}</span>
              </span>
            </MenuItem>
          ))}
          <MenuSeparator />
          <MenuLink href={`/admin/groups/${menu.group.slug}`}>People and settings</MenuLink>
          {onHide && <MenuItem onSelect={() => onHide(menu.group.slug)}>Hide this column</MenuItem>}
        </>
      )}
    </MenuAt>
  );
}
