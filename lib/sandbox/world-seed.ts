// The world that the sandbox starts with: two workspaces with like-named projects (so that a mix-up shows), five
// plainly fictional people, and some work. The gids are fixed, so that tests and demos can name them.
import {
  addProject,
  addStory,
  addTask,
  addUser,
  addWorkspace,
  put,
  type Project,
  type Task,
  type World,
} from '@/lib/sandbox/world';

export const SEED = {
  works: '1100000000000001',
  studio: '1100000000000002',
  ana: '1200000000000101',
  ben: '1200000000000102',
  cleo: '1200000000000103',
  dora: '1200000000000104',
  admin: '1200000000000105',
  marketing: '1200000000000201',
  product: '1200000000000202',
  studioTeam: '1200000000000203',
  relaunch: '1200000000000301',
  onboarding: '1200000000000302',
  salaries: '1200000000000303',
  studioRelaunch: '1200000000000304',
  relaunchTodo: '1200000000000401',
  relaunchDoing: '1200000000000402',
  relaunchDone: '1200000000000403',
  homepageCopy: '1200000000000501',
  pressKit: '1200000000000502',
  domainSwitch: '1200000000000503',
  salaryTable: '1200000000000504',
  studioPoster: '1200000000000505',
  launches: '1200000000000601',
  priority: '1200000000000701',
  effort: '1200000000000702',
  priorityHigh: '1200000000000713',
  taskTemplate: '1200000000000801',
  projectTemplate: '1200000000000802',
  agent: '1200000000000901',
} as const;

/** Fills an empty world with the example. */
export function seedExampleWorld(world: World): void {
  addWorkspace(world, { gid: SEED.works, name: 'Example Works', paid: true });
  addWorkspace(world, { gid: SEED.studio, name: 'Small Studio', paid: false });
  const person = (gid: string, name: string, workspaces: string[], guestIn: string[] = []) =>
    addUser(world, { gid, name, email: `${name.toLowerCase()}@example.com`, workspaces, guestIn });
  person(SEED.ana, 'Ana', [SEED.works, SEED.studio]);
  person(SEED.ben, 'Ben', [SEED.works]);
  person(SEED.cleo, 'Cleo', [SEED.works]);
  person(SEED.dora, 'Dora', [SEED.studio], [SEED.works]);
  person(SEED.admin, 'Admin', [SEED.works, SEED.studio]);
  const team = (gid: string, name: string, workspaceGid: string, memberGids: string[]) =>
    put(world.teams, { gid, name, workspaceGid, memberGids });
  team(SEED.marketing, 'Marketing', SEED.works, [SEED.ana, SEED.ben]);
  team(SEED.product, 'Product', SEED.works, [SEED.ben, SEED.cleo, SEED.admin]);
  team(SEED.studioTeam, 'Studio', SEED.studio, [SEED.dora, SEED.ana]);
  seedFields(world);
  seedWorks(world);
  seedStudio(world);
}

function seedFields(world: World): void {
  const options = ['Low', 'Medium', 'High'].map((name, index) => ({
    gid: `120000000000071${index + 1}`,
    name,
  }));
  put(world.customFields, {
    gid: SEED.priority,
    workspaceGid: SEED.works,
    name: 'Priority',
    type: 'enum',
    options,
  });
  put(world.customFields, {
    gid: SEED.effort,
    workspaceGid: SEED.works,
    name: 'Effort in days',
    type: 'number',
    options: [],
  });
}

function seedWorks(world: World): void {
  const workspaceGid = SEED.works;
  const relaunch = addProject(world, {
    gid: SEED.relaunch,
    workspaceGid,
    name: 'Website relaunch',
    teamGid: SEED.marketing,
    ownerGid: SEED.ana,
    memberGids: [SEED.ana, SEED.ben],
    notes: 'New pages, same address. Live in November.',
    customFieldGids: [SEED.priority, SEED.effort],
    sections: [
      { gid: SEED.relaunchTodo, name: 'To do' },
      { gid: SEED.relaunchDoing, name: 'Doing' },
      { gid: SEED.relaunchDone, name: 'Done' },
    ],
  });
  const onboarding = addProject(world, {
    gid: SEED.onboarding,
    workspaceGid,
    name: 'Customer onboarding',
    teamGid: SEED.product,
    ownerGid: SEED.ben,
    memberGids: [SEED.ben, SEED.cleo],
    sections: [{ name: 'Ideas' }, { name: 'In progress' }],
  });
  const salaries = addProject(world, {
    gid: SEED.salaries,
    workspaceGid,
    name: 'Salary review',
    ownerGid: SEED.admin,
    memberGids: [SEED.admin, SEED.cleo],
    privacy: 'private',
    sections: [{ name: 'Confidential' }],
  });
  const copy = seedTask(world, relaunch, 0, SEED.ana, {
    gid: SEED.homepageCopy,
    name: 'Write the homepage copy',
    notes: 'Three short paragraphs and one picture.',
    assigneeGid: SEED.ben,
    dueOn: '2026-11-06',
    customValues: new Map<string, unknown>([
      [SEED.priority, SEED.priorityHigh],
      [SEED.effort, 2],
    ]),
  });
  const press = {
    gid: SEED.pressKit,
    name: 'Prepare the press kit',
    assigneeGid: SEED.ana,
    dueOn: '2026-11-13',
  };
  seedTask(world, relaunch, 1, SEED.ana, press);
  const domain = { gid: SEED.domainSwitch, name: 'Switch the domain', dependencyGids: [copy.gid] };
  seedTask(world, relaunch, 0, SEED.ben, domain);
  const done = { name: 'Choose a typeface', completed: true, completedAt: '2026-09-18T09:30:00.000Z' };
  seedTask(world, relaunch, 2, SEED.cleo, done);
  seedTask(world, onboarding, 0, SEED.cleo, { name: 'Collect first questions', assigneeGid: SEED.cleo });
  seedTask(world, salaries, 0, SEED.admin, { gid: SEED.salaryTable, name: 'Update the salary table' });
  addTask(world, {
    workspaceGid,
    createdByGid: SEED.ben,
    name: 'Find three quotes from customers',
    parentGid: copy.gid,
    assigneeGid: SEED.cleo,
  });
  addStory(world, {
    taskGid: copy.gid,
    type: 'comment',
    text: 'Please keep it short.',
    createdByGid: SEED.ana,
    createdAt: '2026-09-20T10:00:00.000Z',
  });
  seedFindable(world);
}

function seedFindable(world: World): void {
  const workspaceGid = SEED.works;
  put(world.portfolios, {
    gid: SEED.launches,
    workspaceGid,
    name: 'Launches',
    ownerGid: SEED.ana,
    memberGids: [SEED.ana, SEED.admin],
    itemGids: [SEED.relaunch, SEED.onboarding],
  });
  put(world.statusUpdates, {
    gid: '1200000000000611',
    parentGid: SEED.relaunch,
    title: 'Week 38: on track',
    text: 'Copy is being written.',
    htmlText: '<body>Copy is being written.</body>',
    statusType: 'on_track',
    authorGid: SEED.ana,
    createdAt: '2026-09-18T15:00:00.000Z',
  });
  put(world.attachments, {
    gid: '1200000000000621',
    parentGid: SEED.homepageCopy,
    name: 'outline.pdf',
    createdAt: '2026-09-19T08:00:00.000Z',
  });
  put(world.tags, { gid: '1200000000000631', workspaceGid, name: 'urgent' });
  world.tasks.get(SEED.homepageCopy)!.tagGids.push('1200000000000631');
  put(world.goals, { gid: '1200000000000641', workspaceGid, name: 'Double the sign-ups' });
  put(world.agents, {
    gid: SEED.agent,
    workspaceGid,
    name: 'Intake helper',
    description: 'Sorts incoming requests.',
  });
  put(world.taskTemplates, {
    gid: SEED.taskTemplate,
    projectGid: SEED.relaunch,
    name: 'New page',
    taskName: 'Page: name it',
    subtaskNames: ['Write', 'Review', 'Publish'],
  });
  put(world.projectTemplates, {
    gid: SEED.projectTemplate,
    workspaceGid,
    name: 'Product launch',
    requestedDates: [{ gid: '1', name: 'Launch day' }],
    requestedRoles: [{ gid: '1', name: 'Launch lead' }],
    sections: [
      { name: 'Before', taskNames: ['Agree on the message', 'Brief support'] },
      { name: 'After', taskNames: ['Thank the team'] },
    ],
  });
}

function seedStudio(world: World): void {
  const relaunch = addProject(world, {
    gid: SEED.studioRelaunch,
    workspaceGid: SEED.studio,
    name: 'Website relaunch',
    teamGid: SEED.studioTeam,
    ownerGid: SEED.dora,
    memberGids: [SEED.dora, SEED.ana],
    sections: [{ name: 'To do' }],
  });
  const poster = { gid: SEED.studioPoster, name: 'Print the studio poster', assigneeGid: SEED.dora };
  seedTask(world, relaunch, 0, SEED.dora, poster);
}

function seedTask(
  world: World,
  project: Project,
  section: number,
  createdByGid: string,
  fields: Partial<Task> & { name: string },
): Task {
  return addTask(world, {
    workspaceGid: project.workspaceGid,
    createdByGid,
    memberships: [{ projectGid: project.gid, sectionGid: project.sectionGids[section]! }],
    followerGids: [createdByGid],
    ...fields,
  });
}
