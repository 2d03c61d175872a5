// What can be done with a whole row: the tool's own page, its calls in the audit, and the deeds on it.
'use client';
import { ToolMenuItems, type Deed } from '../tools/tool-actions';
import { MenuAt, MenuLink, MenuSeparator } from '../ui/menu';
import type { MatrixTool } from './model';

/** Open while `menu` is given; one menu serves all rows. */
export function ToolMenu({
  menu,
  onClose,
  onAsk,
}: {
  menu: { tool: MatrixTool; anchor: HTMLElement } | null;
  onClose: () => void;
  onAsk: (tool: MatrixTool, deed: Deed) => void;
}) {
  return (
    <MenuAt anchor={menu?.anchor ?? null} label={`Actions for ${menu?.tool.name ?? ''}`} onClose={onClose}>
      {menu && (
        <>
          <MenuLink href={`/admin/tools/${encodeURIComponent(menu.tool.name)}`}>
            Open the tool’s page
          </MenuLink>
          <MenuLink href={`/admin/audit?tool=${encodeURIComponent(menu.tool.name)}`}>
            Calls in the audit
          </MenuLink>
          <MenuSeparator />
          <ToolMenuItems tool={menu.tool} onAsk={(deed) => onAsk(menu.tool, deed)} />
        </>
      )}
    </MenuAt>
  );
}
