// How objects look in answers: Asana's REST style, cut to `opt_fields`, in pages. Nothing that the viewer may not see
// shows through a reference (a task in a hidden project does not name that project).
import { ToolError } from '@/lib/sandbox/tool-error';
import { canSeeProject, canSeeTask, csv, tasksIn, type Arguments, type View } from '@/lib/sandbox/view';
import type { Attachment, Portfolio, Project, StatusUpdate, Story, Task, User } from '@/lib/sandbox/world';

export type Json = Record<string, unknown>;

/** The three fields by which any object refers to another. */
export function compact(type: string, object: { gid: string; name: string }): Json {
  return { gid: object.gid, resource_type: type, name: object.name };
}

export function person(view: View, gid: string | null): Json | null {
  const user = gid === null ? undefined : view.world.users.get(gid);
  return user ? { ...compact('user', user), email: user.email } : null;
}

export function userRecord(view: View, user: User): Json {
  const workspaces = user.memberships
    // Only workspaces that both belong to: the list of somebody else's employers is nobody's business.
    .filter(({ workspaceGid }) => view.user.memberships.some((mine) => mine.workspaceGid === workspaceGid))
    .filter(({ workspaceGid }) => view.workspacesShown === 'all' || workspaceGid === view.workspaceGid)
    .map(({ workspaceGid }) => compact('workspace', view.world.workspaces.get(workspaceGid)!));
  return { ...compact('user', user), email: user.email, photo: null, workspaces };
}

function customFieldRecords(view: View, fieldGids: string[], values: Map<string, unknown>): Json[] {
  return fieldGids.map((gid) => {
    const field = view.world.customFields.get(gid)!;
    const value = values.get(gid) ?? null;
    const optionName = (option: unknown) => field.options.find((entry) => entry.gid === option)?.name ?? null;
    const shown = Array.isArray(value) ? value.map(optionName).join(', ') : value;
    const displayValue =
      field.type === 'enum'
        ? optionName(value)
        : typeof shown === 'object'
          ? JSON.stringify(shown)
          : String(shown);
    return {
      ...compact('custom_field', field),
      resource_subtype: field.type,
      value,
      display_value: value === null ? null : displayValue,
    };
  });
}

/** The custom fields that a task has: those of its projects. */
export function customFieldsOf(view: View, task: Task): string[] {
  const gids = task.memberships.flatMap(
    ({ projectGid }) => view.world.projects.get(projectGid)!.customFieldGids,
  );
  return [...new Set(gids)];
}

export function taskRecord(view: View, task: Task): Json {
  const { world } = view;
  const memberships = task.memberships.filter(({ projectGid }) =>
    canSeeProject(view, world.projects.get(projectGid)!),
  );
  const others = (gids: string[]) =>
    gids
      .map((gid) => world.tasks.get(gid))
      .filter((other) => other !== undefined && canSeeTask(view, other))
      .map((other) => compact('task', other!));
  const parent = task.parentGid === null ? [] : others([task.parentGid]);
  const allWhere = (fits: (other: Task) => boolean) =>
    [...world.tasks.values()].filter((other) => fits(other) && canSeeTask(view, other));
  const project = (gid: string) => compact('project', world.projects.get(gid)!);
  return {
    ...compact('task', task),
    resource_subtype: task.subtype,
    notes: task.notes,
    html_notes: task.htmlNotes,
    assignee: person(view, task.assigneeGid),
    completed: task.completed,
    completed_at: task.completedAt,
    ...(task.subtype === 'approval' && { approval_status: task.approvalStatus }),
    start_on: task.startOn,
    start_at: task.startAt,
    due_on: task.dueOn,
    due_at: task.dueAt,
    projects: memberships.map(({ projectGid }) => project(projectGid)),
    memberships: memberships.map(({ projectGid, sectionGid }) => ({
      project: project(projectGid),
      section: compact('section', world.sections.get(sectionGid)!),
    })),
    parent: parent[0] ?? null,
    dependencies: others(task.dependencyGids),
    dependents: allWhere((other) => other.dependencyGids.includes(task.gid)).map((other) =>
      compact('task', other),
    ),
    followers: task.followerGids.map((gid) => person(view, gid)),
    tags: task.tagGids.map((gid) => compact('tag', world.tags.get(gid)!)),
    custom_fields: customFieldRecords(view, customFieldsOf(view, task), task.customValues),
    num_subtasks: allWhere((other) => other.parentGid === task.gid).length,
    num_likes: task.likes,
    created_by: person(view, task.createdByGid),
    created_at: task.createdAt,
    modified_at: task.modifiedAt,
    workspace: compact('workspace', world.workspaces.get(task.workspaceGid)!),
    permalink_url: `https://app.asana.com/0/${memberships[0]?.projectGid ?? '0'}/${task.gid}`,
  };
}

export function projectRecord(view: View, project: Project): Json {
  const { world } = view;
  const tasks = tasksIn(view, { projectGid: project.gid });
  const completed = tasks.filter((task) => task.completed).length;
  const team = project.teamGid === null ? undefined : world.teams.get(project.teamGid);
  const statuses = [...world.statusUpdates.values()].filter((status) => status.parentGid === project.gid);
  return {
    ...compact('project', project),
    notes: project.notes,
    html_notes: project.htmlNotes,
    color: project.color,
    icon: project.icon,
    archived: project.archived,
    privacy_setting: project.privacy,
    default_view: project.defaultView,
    default_access_level: project.defaultAccessLevel,
    start_on: project.startOn,
    due_on: project.dueOn,
    owner: person(view, project.ownerGid),
    members: project.memberGids.map((gid) => person(view, gid)),
    team: team ? compact('team', team) : null,
    current_status_update: statuses.length > 0 ? statusRecord(view, statuses.at(-1)!) : null,
    custom_fields: customFieldRecords(view, project.customFieldGids, project.customValues),
    custom_field_settings: project.customFieldGids.map((gid) => ({
      custom_field: customFieldRecord(view, gid),
    })),
    num_tasks: tasks.length,
    num_incomplete_tasks: tasks.length - completed,
    num_completed_tasks: completed,
    created_at: project.createdAt,
    modified_at: project.modifiedAt,
    workspace: compact('workspace', world.workspaces.get(project.workspaceGid)!),
    permalink_url: `https://app.asana.com/0/${project.gid}/list`,
  };
}

export function customFieldRecord(view: View, gid: string): Json {
  const field = view.world.customFields.get(gid)!;
  return { ...compact('custom_field', field), type: field.type, enum_options: field.options };
}

export function sectionRecords(view: View, project: Project): Json[] {
  return project.sectionGids.slice(0, 50).map((gid) => compact('section', view.world.sections.get(gid)!));
}

export function storyRecord(view: View, story: Story): Json {
  return {
    gid: story.gid,
    resource_type: 'story',
    type: story.type,
    text: story.text,
    html_text: story.htmlText,
    is_pinned: story.isPinned,
    created_by: person(view, story.createdByGid),
    created_at: story.createdAt,
    task: compact('task', view.world.tasks.get(story.taskGid)!),
  };
}

export function statusRecord(view: View, status: StatusUpdate): Json {
  const project = view.world.projects.get(status.parentGid);
  const parent = project ?? view.world.portfolios.get(status.parentGid)!;
  return {
    gid: status.gid,
    resource_type: 'status_update',
    title: status.title,
    text: status.text,
    html_text: status.htmlText,
    status_type: status.statusType,
    parent: compact(project ? 'project' : 'portfolio', parent),
    author: person(view, status.authorGid),
    created_at: status.createdAt,
    permalink_url: `https://app.asana.com/0/${status.parentGid}/status/${status.gid}`,
  };
}

export function portfolioRecord(view: View, portfolio: Portfolio): Json {
  return {
    ...compact('portfolio', portfolio),
    owner: person(view, portfolio.ownerGid),
    members: portfolio.memberGids.map((gid) => person(view, gid)),
    projects: portfolioItems(view, portfolio).map((project) => compact('project', project)),
    workspace: compact('workspace', view.world.workspaces.get(portfolio.workspaceGid)!),
    permalink_url: `https://app.asana.com/0/portfolio/${portfolio.gid}`,
  };
}

export function portfolioItems(view: View, portfolio: Portfolio): Project[] {
  return portfolio.itemGids
    .map((gid) => view.world.projects.get(gid)!)
    .filter((project) => canSeeProject(view, project));
}

export function attachmentRecord(attachment: Attachment): Json {
  const address = `https://app.asana.com/app/asana/-/get_asset?asset_id=${attachment.gid}`;
  return {
    ...compact('attachment', attachment),
    created_at: attachment.createdAt,
    download_url: `${address}&expires=soon`,
    permanent_url: address,
    view_url: `${address}&view=1`,
  };
}

/** Cuts a record to gid, type and the fields asked for (`a`, `a.b`); without `opt_fields` to `byDefault`. */
export function pick(record: Json, optFields: string | undefined, byDefault?: string): Json {
  const fields = optFields === undefined || optFields === '' ? byDefault : optFields;
  if (fields === undefined) return record;
  const wanted = ['gid', 'resource_type', ...csv(fields)];
  return Object.fromEntries(
    Object.entries(record)
      .map(([name, value]) => {
        const deeper = wanted
          .filter((path) => path.startsWith(`${name}.`))
          .map((path) => path.slice(name.length + 1));
        if (deeper.length === 0) return [name, wanted.includes(name) ? value : undefined] as const;
        const inner = (entry: unknown) =>
          typeof entry === 'object' && entry !== null ? pick(entry as Json, deeper.join(',')) : entry;
        return [name, Array.isArray(value) ? value.map(inner) : inner(value)] as const;
      })
      .filter(([, value]) => value !== undefined),
  );
}

/** One page of a list; `offset` is a token of ours that says where it begins. Throws on one that we never gave. */
export function page<T>(
  all: T[],
  given: Arguments,
  defaultLimit: number,
): { data: T[]; next_page: { offset: string } | null } {
  const limit = Math.floor((given.limit as number | undefined) ?? defaultLimit);
  const start = given.offset === undefined ? 0 : startOf(given.offset as string);
  const more = start + limit < all.length;
  return {
    data: all.slice(start, start + limit),
    next_page: more ? { offset: Buffer.from(`from:${start + limit}`).toString('base64url') } : null,
  };
}

function startOf(offset: string): number {
  const start = /^from:(\d{1,9})$/.exec(Buffer.from(offset, 'base64url').toString())?.[1];
  if (start === undefined) throw new ToolError('offset: Your pagination token has expired or is invalid.');
  return Number(start);
}
