// Asana's tool list as it was on 2026-09-24: 39 tools in the recorded order, with every argument, limit, hint and
// `_meta` of that day. The descriptions are written anew at about the recorded length, so that token costs are real.
import { readTools } from '@/lib/catalogue/recorded-read-tools';
import type { RecordedTool } from '@/lib/catalogue/recorded-schemas';
import { internalTools, previewTools } from '@/lib/catalogue/recorded-widget-tools';
import { writeTools } from '@/lib/catalogue/recorded-write-tools';

export type { RecordedTool } from '@/lib/catalogue/recorded-schemas';

const RECORDED_ORDER = `
  get_workspace_agents get_agent get_attachments create_task_from_template create_project_from_template get_portfolio
  get_portfolios get_items_for_portfolio get_project get_project_internal get_projects create_project_status_update
  create_project update_project get_status_overview search_tasks get_task get_task_stories create_tasks update_tasks
  add_comment get_tasks get_my_tasks delete_task get_teams search_objects search_objects_internal get_user get_me
  get_users log_widget_event create_task_preview_v4 create_task_confirm save_task_changes_confirm search_tasks_preview
  create_project_preview_v3 create_project_confirm create_project_confirm_populate save_project_changes_confirm`;

/**
 * The recorded `tools` array of `tools/list`, in Asana's order. Every call builds fresh values: a caller may change
 * what it got without changing it for others.
 */
export function recordedTools(): RecordedTool[] {
  const byName = new Map(
    [...readTools(), ...writeTools(), ...previewTools(), ...internalTools()].map((tool) => [tool.name, tool]),
  );
  return RECORDED_ORDER.trim()
    .split(/\s+/)
    .map((name) => {
      const tool = byName.get(name);
      if (!tool)
        throw new Error(`The recorded list names ${name}, but no file of lib/catalogue describes it.`);
      return tool;
    });
}
