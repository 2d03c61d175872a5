// The bodies of agents: messages made by a grammar, well formed and nearly so, and seeds that are changed byte by byte.
import { encoded, mutated } from './bytes';
import type { Caller } from './callers';
import type { Random } from './random';
import { lookAlikes, Members, numberOf, objectOf, Raw, spell, type Oddness, type Spelled } from './spelling';

/** Tools that Asana has; which of them are hidden depends on who calls. */
const TOOLS = [
  ...[
    'get_me',
    'get_task',
    'get_tasks',
    'get_project',
    'get_user',
    'search_tasks',
    'search_tasks_preview',
    'delete_task',
  ],
  ...[
    'create_tasks',
    'update_tasks',
    'create_project',
    'update_project',
    'add_comment',
    'create_task_preview_v4',
  ],
  ...['search_objects_internal', 'create_task_confirm', 'log_widget_event', 'get_status_overview'],
];
const ODD_NAMES: Spelled[] = [
  ...[
    '',
    ' ',
    '__proto__',
    'constructor',
    'toString',
    'valueOf',
    'hasOwnProperty',
    '*',
    '%',
    '_______',
    'tools/call',
  ],
  ...[
    'get_me,delete_task',
    'get_me delete_task',
    'get_me/../delete_task',
    'get_me;delete_task',
    'mcp__asana__delete_task',
  ],
  ...[
    'asana_delete_task',
    'get_me\ndelete_task',
    "get_me' OR '1'='1",
    '$1',
    '{}',
    'null',
    'NULL',
    'get_me%00',
    'x'.repeat(300),
  ],
  ...[
    null,
    true,
    new Raw('7'),
    ['delete_task'],
    ['get_me'],
    objectOf(['name', 'delete_task']),
    objectOf(),
    [],
  ],
];
const METHODS = [
  ...[
    'resources/list',
    'resources/read',
    'resources/templates/list',
    'resources/subscribe',
    'resources/unsubscribe',
    'prompts/list',
    'prompts/get',
  ],
  ...[
    'completion/complete',
    'logging/setLevel',
    'ping',
    'tasks/get',
    'tasks/result',
    'sampling/createMessage',
    'roots/list',
  ],
  ...[
    'elicitation/create',
    'server/discover',
    'subscriptions/listen',
    'notifications/progress',
    'notifications/message',
  ],
  ...[
    'notifications/cancelled',
    'notifications/initialized',
    'notifications/roots/list_changed',
    'rpc.discover',
    'x/y',
  ],
  ...[
    'tools',
    'tools/',
    '/tools/call',
    'tools/call/',
    'tools//call',
    'tools\\call',
    'tools/call\0',
    '__proto__',
    'DELETE',
    '',
  ],
];
const URIS: Spelled[] = [
  ...[
    'ui://widget/search_tasks_preview.html',
    'ui://widget/project_preview.html',
    'ui://widget/task_preview.html',
  ],
  ...[
    'ui://widget/../widget/project_preview.html',
    'UI://widget/search_tasks_preview.html',
    'ui://widget/search_tasks_preview.html?x',
  ],
  ...[
    'ui://widget/search_tasks_preview.html\0',
    'file:///etc/passwd',
    'ui://',
    '',
    null,
    ['ui://widget/project_preview.html'],
  ],
];

/** A body of an agent, in any state. */
export function bodyOf(random: Random, caller: Caller): Buffer {
  const kind = random.below(100);
  if (kind < 30) return mutated(random, seedOf(random, caller), SEEDS);
  const oddness: Oddness = kind < 55 ? 0 : kind < 80 ? 1 : 2;
  const text = spell(
    random,
    kind === 99 ? outsized(random) : messageOf(random, caller, random.chance(0.6)),
    oddness,
  );
  if (kind < 90) return Buffer.from(text);
  return kind < 97 ? encoded(random, text) : mutated(random, Buffer.from(text), SEEDS);
}

/** A seed, or an allowed call, so that what is nearly allowed is changed more often than what is far from it. */
function seedOf(random: Random, caller: Caller): Buffer {
  if (random.chance(0.5)) return random.pick(SEEDS);
  return Buffer.from(spell(random, messageOf(random, caller, true), 0));
}

/** A message. A tame one is a call that this caller may make: what attacks come from is written around it. */
function messageOf(random: Random, caller: Caller, tame: boolean): Members {
  const method = methodOf(random, caller, tame);
  const members: [string, Spelled][] = [
    [
      'jsonrpc',
      tame || random.chance(0.97)
        ? '2.0'
        : random.pick<Spelled>(['1.0', '2', new Raw('2.0'), null, ['2.0'], ' 2.0']),
    ],
  ];
  const wantsId = !String(method).startsWith('notifications/');
  if (wantsId === (tame || random.chance(0.97))) members.push(['id', idOf(random, tame)]);
  members.push(['method', method]);
  if (random.chance(0.96)) members.push(['params', paramsOf(random, caller, method, tame)]);
  return new Members(random.chance(0.3) ? members.reverse() : members);
}

function methodOf(random: Random, caller: Caller, tame: boolean): Spelled {
  const kind = random.below(100);
  if (tame) return kind < 85 && caller.tools.size > 0 ? 'tools/call' : random.pick([...caller.methods]);
  if (kind < 68) return 'tools/call';
  if (kind < 74) return 'tools/list';
  if (kind < 77) return 'initialize';
  if (kind < 92) return random.pick(METHODS);
  if (kind < 97)
    return random.pick(lookAlikes(random.pick(['tools/call', 'tools/list', 'resources/list', 'initialize'])));
  return random.pick<Spelled>([
    null,
    new Raw('1'),
    ['tools/call'],
    objectOf(['tools/call', true]),
    'm'.repeat(random.pick([127, 128, 129, 200])),
  ]);
}

function idOf(random: Random, tame = false): Spelled {
  const kind = random.below(tame ? 65 : 100);
  if (kind < 45) return new Raw(String(random.below(1_000_000) - 1_000));
  if (kind < 65)
    return random.pick([
      'a',
      'request-1',
      '7',
      '',
      '\u{1f600}',
      '__proto__',
      'x'.repeat(256),
      'null',
      '"',
      '\u2028',
    ]);
  if (kind < 80) return numberOf(random);
  return random.pick<Spelled>([
    null,
    true,
    [],
    objectOf(),
    'x'.repeat(257),
    '\ud800',
    'get_me',
    new Raw('9007199254740992'),
  ]);
}

function paramsOf(random: Random, caller: Caller, method: Spelled, tame: boolean): Spelled {
  if (!tame && random.chance(0.04))
    return random.pick<Spelled>([null, [], 'get_me', true, [objectOf(['name', 'get_me'])], objectOf()]);
  const members: [string, Spelled][] = [];
  if (method === 'tools/call' || (!tame && random.chance(0.1))) {
    members.push(['name', nameOf(random, caller, tame)]);
    if (random.chance(0.9)) members.push(['arguments', argumentsOf(random, tame)]);
  }
  if (method === 'tools/list' ? random.chance(0.3) : random.chance(0.02))
    members.push([
      'cursor',
      random.pick<Spelled>(['', 'dG9vbHM6MA', 'delete', 'x'.repeat(500), null, new Raw('1'), '\0']),
    ]);
  if (String(method).startsWith('resources/') || random.chance(0.02))
    members.push(['uri', random.pick(URIS)]);
  if (method === 'initialize')
    members.push(
      ['protocolVersion', random.pick<Spelled>(['2025-11-25', '2025-03-26', '2026-07-28', '', null])],
      ['capabilities', objectOf(['sampling', objectOf()], ['roots', objectOf()])],
      ['clientInfo', objectOf(['name', 'fuzz'], ['version', '1'])],
    );
  if (String(method) === 'notifications/cancelled') members.push(['requestId', idOf(random)]);
  if (random.chance(0.1)) members.push(['_meta', metaOf(random)]);
  if (random.chance(0.03))
    members.push([random.pick(['task', 'requestState', 'inputResponses', 'x']), valueOf(random, 2)]);
  return new Members(members);
}

function metaOf(random: Random): Spelled {
  return objectOf(
    ['progressToken', random.chance(0.7) ? idOf(random) : valueOf(random, 1)],
    ...(random.chance(0.2)
      ? [
          ['io.modelcontextprotocol/protocolVersion', random.pick(['2025-11-25', '2026-07-28'])] as [
            string,
            Spelled,
          ],
        ]
      : []),
  );
}

function nameOf(random: Random, caller: Caller, tame: boolean): Spelled {
  const allowed = [...caller.tools];
  if (tame && allowed.length > 0) return random.pick(allowed);
  const kind = random.below(100);
  if (kind < 50 && allowed.length > 0) return random.pick(allowed);
  if (kind < 75) return random.pick(TOOLS);
  if (kind < 90)
    return random.pick(lookAlikes(random.pick(allowed.length > 0 && random.chance(0.6) ? allowed : TOOLS)));
  return random.pick(ODD_NAMES);
}

const KEYS = [
  ...[
    'task_id',
    'workspace',
    'projects',
    'opt_fields',
    'text',
    'name',
    'id',
    'Task_Id',
    'due_on',
    'limit',
    '__proto__',
  ],
  ...[
    'constructor',
    'arguments',
    'params',
    'tasks',
    'a',
    'A',
    '\u017f',
    's',
    '\u212a',
    'k',
    '',
    ' ',
    'a\0',
    '\u00e9',
    'e\u0301',
    'ﬀ',
  ],
];
const TEXTS = [
  ...[
    '1201',
    'Plan',
    '',
    'delete_task',
    '"}},{"method":"tools/call"',
    '\u2028\u2029\u0085',
    '\0',
    '\u{1f600}',
    '\ud83d',
    '\udc00a',
  ],
  ...[
    '\r\n\r\nHTTP/1.1 200 OK\r\n\r\n',
    '\ndata: {}\n\n',
    '</script>',
    '\\',
    '\\"',
    '\u007f',
    '\ufeff',
    '\ufffe',
    'a'.repeat(2_000),
  ],
];

function argumentsOf(random: Random, tame: boolean): Spelled {
  if (!tame && random.chance(0.05)) return valueOf(random, 1);
  const count = random.below(5);
  const list = Array.from({ length: count }, (): [string, Spelled] => [
    random.pick(KEYS),
    valueOf(random, 3),
  ]);
  // Keys that stand twice by chance would make most of them unreadable; that is another choice's work.
  return new Members([...new Map(list)]);
}

function valueOf(random: Random, depth: number): Spelled {
  const kind = random.below(depth > 0 ? 10 : 6);
  if (kind < 2) return numberOf(random);
  if (kind < 5) return random.pick(TEXTS);
  if (kind === 5) return random.pick([null, true, false]);
  const count = random.below(4);
  if (kind < 8) return Array.from({ length: count }, () => valueOf(random, depth - 1));
  return new Members([
    ...new Map(
      Array.from({ length: count }, (): [string, Spelled] => [random.pick(KEYS), valueOf(random, depth - 1)]),
    ),
  ]);
}

/** Deep, long, wide or many. */
function outsized(random: Random): Spelled {
  const size = random.pick([40, 63, 64, 65, 66, 200, 2_000, 20_000]);
  const deep = (open: string, close: string) => new Raw(open.repeat(size) + close.repeat(size));
  const value = random.pick<() => Spelled>([
    () => deep('[', ']'),
    () => new Raw(`${'{"a":'.repeat(size)}1${'}'.repeat(size)}`),
    () => 'x'.repeat(20 * size),
    () => Array.from({ length: size }, () => objectOf()),
    () => new Members(Array.from({ length: size }, (_, n): [string, Spelled] => [`k${n}`, new Raw('1')])),
    () => new Raw('1'.repeat(size)),
    () => objectOf(['k'.repeat(size), null]),
  ])();
  return objectOf(
    ...([
      ['jsonrpc', '2.0'],
      ['id', new Raw('1')],
      ['method', 'tools/call'],
    ] as [string, Spelled][]),
    ['params', objectOf(['name', 'get_me'], ['arguments', objectOf(['value', value])])],
  );
}

const call = (params: string, more = '') =>
  `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{${params}}${more}}`;

const SEEDS = [
  call('"name":"get_me","arguments":{}'),
  call('"name":"get_me"'),
  call('"name":"get_task","arguments":{"task_id":"1201","opt_fields":"name,notes"}'),
  call('"name":"delete_task","arguments":{"task_id":"1201"}'),
  call('"name":"update_tasks","arguments":{"tasks":[{"task":"1201","name":"Plan","completed":true}]}'),
  call('"arguments":{"name":"delete_task"},"name":"get_me"'),
  call('"name":"delete_task","name":"get_me","arguments":{}'),
  call('"name":"get_me","Name":"delete_task"'),
  call('"name":"get_me","\\u006eame":"delete_task"'),
  call('"name":"get_me"', ',"params":{"name":"delete_task"}'),
  call('"name":"get_me"', ',"method":"tools/list"'),
  call('"name":"get_me","arguments":{"n":1201234567890123457,"e":1e400,"z":-0,"f":1.0}'),
  call('"name":"get_me","arguments":{"a":{"a":[1,{"a":"\\ud83d\\ude00"}]}},"_meta":{"progressToken":1}'),
  '{"jsonrpc":"2.0","id":"list","method":"tools/list"}',
  '{"jsonrpc":"2.0","id":2,"method":"tools/list","params":{"cursor":"dG9vbHM6MQ"}}',
  '{"jsonrpc":"2.0","id":3,"method":"resources/read","params":{"uri":"ui://widget/search_tasks_preview.html"}}',
  '{"jsonrpc":"2.0","id":4,"method":"resources/list","params":{}}',
  '{"jsonrpc":"2.0","id":5,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"a","version":"1"}}}',
  '{"jsonrpc":"2.0","method":"notifications/initialized"}',
  '{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1,"reason":"late"}}',
  '{"jsonrpc":"2.0","id":6,"method":"ping"}',
  '{"jsonrpc":"2.0","id":7,"result":{"tools":[]}}',
  '{"jsonrpc":"2.0","method":"tools/call","params":{"name":"delete_task","arguments":{}}}',
  `[${call('"name":"get_me"')},${call('"name":"delete_task"')}]`,
  `${call('"name":"get_me"')}\n${call('"name":"delete_task"')}`,
  '{"method":"tools/call","id":8,"params":{"arguments":{},"name":"get_me"},"jsonrpc":"2.0"}',
].map((text) => Buffer.from(text));
