// Creating and changing a project. Adding members, going public and changing default access take two calls: the first
// names the effects and applies nothing, the second one carries the confirmation.
import { compact, pick, projectRecord, type Json } from '@/lib/sandbox/records';
import { textPair } from '@/lib/sandbox/rich-text';
import { createTask, setCustomFields } from '@/lib/sandbox/task-changes';
import { ToolError } from '@/lib/sandbox/tool-error';
import {
  csv,
  requireCustomField,
  requireProject,
  requireSection,
  requireTeam,
  requireUser,
  tasksIn,
  type Arguments,
  type ToolHandler,
  type View,
} from '@/lib/sandbox/view';
import { addProject, addSection, type Project } from '@/lib/sandbox/world';

/** Removes an empty section; the last one of a project stays. */
export function removeSection(view: View, project: Project, gid: string): void {
  const section = requireSection(view, gid, 'remove_sections', project);
  if (tasksIn(view, { sectionGid: gid }).length > 0)
    throw new ToolError('remove_sections: Cannot delete a non-empty section');
  if (project.sectionGids.length === 1)
    throw new ToolError('remove_sections: Cannot delete the last section of a project');
  project.sectionGids = project.sectionGids.filter((known) => known !== section.gid);
  view.world.sections.delete(section.gid);
}

export function createProject(view: View, given: Arguments, sectionNames: string[]): Project {
  const { workspaceGid, user } = view;
  if (given.start_on !== undefined && given.due_on === undefined)
    throw new ToolError('start_on: Needs due_on');
  const text = textPair(given.notes, given.html_notes, 'html_notes', 'comment');
  const owner = given.owner === undefined ? user : requireUser(view, given.owner, 'owner');
  const members = csv(given.members).map((reference) => requireUser(view, reference, 'members').gid);
  const fieldGids = Object.keys((given.custom_fields as object | undefined) ?? {});
  for (const gid of fieldGids) requireCustomField(view, gid, 'custom_fields');
  const customValues = new Map<string, unknown>();
  setCustomFields(view, { customValues }, fieldGids, given.custom_fields ?? {});
  return addProject(view.world, {
    workspaceGid,
    name: given.name,
    teamGid: given.team === undefined ? null : requireTeam(view, given.team, 'team').gid,
    ownerGid: owner.gid,
    memberGids: [...new Set([user.gid, owner.gid, ...members])],
    notes: text?.plain ?? '',
    htmlNotes: text?.html ?? '<body></body>',
    color: given.color ?? null,
    privacy: given.privacy_setting ?? 'public_to_workspace',
    defaultView: given.default_view ?? 'list',
    defaultAccessLevel: given.default_access_level ?? 'editor',
    startOn: given.start_on ?? null,
    dueOn: given.due_on ?? null,
    customFieldGids: fieldGids,
    customValues,
    sections: sectionNames.map((name) => ({ name })),
  });
}

export const createProjectTool: ToolHandler = (view, given) => {
  const planned = (given.sections ?? []) as { sectionName: string; tasks?: Arguments[] }[];
  const project = createProject(
    view,
    given,
    planned.map(({ sectionName }) => sectionName),
  );
  const sections = planned.map(({ sectionName, tasks = [] }, index) => {
    const sectionGid = project.sectionGids[index]!;
    const results = tasks.map((item): Json => {
      try {
        const task = createTask(view, item, { project, sectionGid, parentGid: item.parent });
        return { success: true, ...compact('task', task) };
      } catch (error) {
        if (!(error instanceof ToolError)) throw error;
        return { success: false, name: item.name, error: error.message };
      }
    });
    return { gid: sectionGid, name: sectionName, success: true, tasks: results };
  });
  return { data: { ...pick(projectRecord(view, project), undefined, 'name,permalink_url'), sections } };
};

/** What a change would do to other people's sight and rights, in sentences; empty when it is harmless. */
function sensitiveEffects(view: View, project: Project, given: Arguments): string[] {
  const effects: string[] = [];
  for (const reference of (given.add_members ?? []) as string[]) {
    const user = requireUser(view, reference, 'add_members');
    if (!project.memberGids.includes(user.gid))
      effects.push(`${user.name} (${user.email}) becomes a member of the project`);
  }
  if (given.privacy_setting === 'public_to_workspace' && project.privacy !== 'public_to_workspace')
    effects.push('Everybody in the workspace can see the project and its tasks');
  const level = given.default_access_level as string | undefined;
  if (level !== undefined && level !== project.defaultAccessLevel)
    effects.push(`New members get ${level} access instead of ${project.defaultAccessLevel}`);
  return effects;
}

type Change = (view: View, project: Project, value: any, given: Arguments) => void;

function setDays(project: Project, given: Arguments): void {
  const dueOn = 'due_on' in given ? (given.due_on as string | null) : project.dueOn;
  const kept = dueOn === null ? null : project.startOn;
  const startOn = 'start_on' in given ? (given.start_on as string | null) : kept;
  if (startOn !== null && dueOn === null) throw new ToolError('start_on: Needs due_on');
  if (startOn !== null && startOn > dueOn!) throw new ToolError('start_on: Must not be after due_on');
  Object.assign(project, { dueOn, startOn });
}

function setNotes(project: Project, given: Arguments): void {
  const text = textPair(given.notes, given.html_notes, 'html_notes', 'comment')!;
  project.notes = text.plain;
  project.htmlNotes = text.html;
}

/** Sets one property of the project to the value of the argument. */
const assign =
  (property: keyof Project): Change =>
  (_view, project, value) =>
    void Object.assign(project, { [property]: value });

/** The arguments of `update_project` in the order in which they are applied. */
const CHANGES: ReadonlyMap<string, Change> = new Map<string, Change>([
  ['name', assign('name')],
  ['notes', (_view, project, _value, given) => setNotes(project, given)],
  ['html_notes', (_view, project, _value, given) => setNotes(project, given)],
  [
    'owner',
    (view, project, value) =>
      void (project.ownerGid = value === null ? null : requireUser(view, value, 'owner').gid),
  ],
  ['due_on', (_view, project, _value, given) => setDays(project, given)],
  ['start_on', (_view, project, _value, given) => setDays(project, given)],
  ['color', assign('color')],
  ['icon', assign('icon')],
  ['default_view', assign('defaultView')],
  ['privacy_setting', assign('privacy')],
  ['default_access_level', assign('defaultAccessLevel')],
  ['archived', assign('archived')],
  [
    'add_custom_fields',
    (view, project, value: { custom_field: string }[]) => {
      for (const { custom_field: gid } of value) {
        requireCustomField(view, gid, 'add_custom_fields');
        if (!project.customFieldGids.includes(gid)) project.customFieldGids.push(gid);
      }
    },
  ],
  [
    'set_custom_field_values',
    (view, project, value) => setCustomFields(view, project, project.customFieldGids, value),
  ],
  [
    'remove_custom_fields',
    (_view, project, value: string[]) => {
      project.customFieldGids = project.customFieldGids.filter((gid) => !value.includes(gid));
    },
  ],
  [
    'add_sections',
    (view, project, value: { name: string }[]) => {
      for (const { name } of value) addSection(view.world, project, name);
    },
  ],
  [
    'rename_sections',
    (view, project, value: { section_id: string; name: string }[]) => {
      for (const { section_id: gid, name } of value)
        requireSection(view, gid, 'rename_sections', project).name = name;
    },
  ],
  [
    'remove_sections',
    (view, project, value: string[]) => {
      for (const gid of value) removeSection(view, project, gid);
    },
  ],
  [
    'add_members',
    (view, project, value: string[]) => {
      const gids = value.map((reference) => requireUser(view, reference, 'add_members').gid);
      project.memberGids = [...new Set([...project.memberGids, ...gids])];
    },
  ],
  [
    'remove_members',
    (view, project, value: string[]) => {
      const gids = value.map((reference) => requireUser(view, reference, 'remove_members').gid);
      project.memberGids = project.memberGids.filter((gid) => !gids.includes(gid));
    },
  ],
]);

export const updateProjectTool: ToolHandler = (view, given) => {
  const project = requireProject(view, given.project_id, 'project_id');
  const effects = sensitiveEffects(view, project, given);
  if (effects.length > 0 && given.confirm_sensitive_changes !== true)
    return {
      data: {
        ...compact('project', project),
        applied: [],
        confirmation_required: true,
        effects,
        next_step:
          'Show these effects to the user, then repeat the call with confirm_sensitive_changes=true.',
      },
    };
  const applied: string[] = [];
  const failed: Json[] = [];
  for (const [argument, change] of CHANGES) {
    if (given[argument] === undefined) continue;
    try {
      change(view, project, given[argument], given);
      applied.push(argument);
    } catch (error) {
      if (!(error instanceof ToolError)) throw error;
      failed.push({ argument, message: error.message });
    }
  }
  project.modifiedAt = view.now.toISOString();
  const record = pick(projectRecord(view, project), undefined, 'name,archived,privacy_setting,permalink_url');
  return { data: { ...record, applied, failed } };
};
