// The fixture's resources, prompts and completions, as the scenarios of MCP's conformance suites ask for them.
import { RpcError, type Call, type Json } from './fixture-call';

/** One red pixel. */
export const PNG =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==';
/** A silence: the header of a WAV file and two samples. */
export const WAV = 'UklGRigAAABXQVZFZm10IBAAAAABAAEARKwAAIhYAQACABAAZGF0YQQAAAAAAAAA';

const STATIC_TEXT = 'This is the content of the static text resource.';

/** `resources/list` */
export function listResources(): Json[] {
  return [
    { uri: 'test://static-text', name: 'static-text', description: 'A text', mimeType: 'text/plain' },
    { uri: 'test://static-binary', name: 'static-binary', description: 'An image', mimeType: 'image/png' },
    {
      uri: 'test://watched-resource',
      name: 'watched-resource',
      description: 'A text to subscribe to',
      mimeType: 'text/plain',
    },
  ];
}

/** `resources/templates/list` */
export function listTemplates(): Json[] {
  return [
    {
      uriTemplate: 'test://template/{id}/data',
      name: 'template',
      description: 'Data by id',
      mimeType: 'application/json',
    },
  ];
}

/** `resources/read`. Throws `RpcError`: -32602 in the modern era (SEP-2164), -32002 before. */
export function readResource({ era, params }: Call): Json {
  const uri = String(params.uri);
  const id = /^test:\/\/template\/([^/]+)\/data$/.exec(uri)?.[1];
  const found: Record<string, Json> = {
    'test://static-text': { mimeType: 'text/plain', text: STATIC_TEXT },
    'test://static-binary': { mimeType: 'image/png', blob: PNG },
    'test://watched-resource': { mimeType: 'text/plain', text: 'This resource is watched.' },
    ...(id === undefined
      ? {}
      : {
          [uri]: {
            mimeType: 'application/json',
            text: JSON.stringify({ id, templateTest: true, data: `Data for ID: ${id}` }),
          },
        }),
  };
  const content = found[uri];
  if (!content) throw new RpcError(era === 'modern' ? -32602 : -32002, 'Resource not found', { uri });
  return { contents: [{ uri, ...content }] };
}

const argument = (name: string, description: string) => ({ name, description, required: true });
const user = (content: Json) => ({ role: 'user', content });
const text = (words: string) => user({ type: 'text', text: words });

interface FixturePrompt {
  description: string;
  arguments?: Json[];
  messages(given: Json, call: Call): Json[] | Promise<Json[]>;
}

const prompts: ReadonlyMap<string, FixturePrompt> = new Map(
  Object.entries<FixturePrompt>({
    test_simple_prompt: {
      description: 'A prompt without arguments.',
      messages: () => [text('This is a simple prompt for testing.')],
    },
    test_prompt_with_arguments: {
      description: 'A prompt with two arguments.',
      arguments: [argument('arg1', 'The first'), argument('arg2', 'The second')],
      messages: ({ arg1, arg2 }) => [text(`Prompt with arguments: arg1='${arg1}', arg2='${arg2}'`)],
    },
    test_prompt_with_embedded_resource: {
      description: 'A prompt with a resource in it.',
      arguments: [argument('resourceUri', 'The URI of the resource')],
      messages: ({ resourceUri: uri }) => [
        user({
          type: 'resource',
          resource: { uri, mimeType: 'text/plain', text: 'Embedded resource content for testing.' },
        }),
        text('Please process the embedded resource above.'),
      ],
    },
    test_prompt_with_image: {
      description: 'A prompt with an image in it.',
      messages: () => [
        user({ type: 'image', data: PNG, mimeType: 'image/png' }),
        text('Please analyze the image above.'),
      ],
    },
    test_input_required_result_prompt: {
      description: 'A prompt that asks the person first.',
      async messages(_, call) {
        const requestedSchema = {
          type: 'object',
          properties: { context: { type: 'string' } },
          required: ['context'],
        };
        const { user_context } = await call.ask({
          user_context: {
            method: 'elicitation/create',
            params: { message: 'What context should the prompt use?', requestedSchema },
          },
        });
        return [text(`Use this context: ${user_context!.content?.context ?? 'none'}`)];
      },
    },
  }),
);

/** `prompts/list` */
export function listPrompts(): Json[] {
  return [...prompts].map(([name, prompt]) => ({
    name,
    description: prompt.description,
    ...(prompt.arguments ? { arguments: prompt.arguments } : {}),
  }));
}

/** `prompts/get`. Throws `RpcError`. */
export async function getPrompt(call: Call): Promise<Json> {
  const { name, arguments: given = {} } = call.params;
  const prompt = prompts.get(String(name));
  if (!prompt) throw new RpcError(-32602, `Unknown prompt: ${name}`);
  const missing = (prompt.arguments ?? []).filter((known) => given[known.name] === undefined);
  if (missing.length > 0)
    throw new RpcError(-32602, `${name} needs ${missing.map((known) => known.name).join(', ')}.`);
  return { description: prompt.description, messages: await prompt.messages(given, call) };
}

/** `completion/complete`: words that begin with what was typed. */
export function complete({ params }: Call): Json {
  const typed = String(params.argument?.value ?? '');
  const values = ['paris', 'park', 'party', 'test1', 'test2'].filter((word) => word.startsWith(typed));
  return { completion: { values, total: values.length, hasMore: false } };
}
