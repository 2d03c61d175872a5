// The fixture's tools: names, definitions and behaviour as the scenarios of MCP's conformance suites ask for them.
import { setTimeout as sleep } from 'node:timers/promises';
import { requireCapabilities, RpcError, type Call, type InputRequest, type Json } from './fixture-call';
import { PNG, WAV } from './fixture-contents';

interface FixtureTool {
  description: string;
  properties?: Json;
  required?: string[];
  /** Instead of `properties` and `required`. */
  inputSchema?: Json;
  run(call: Call, args: Json): Json | Promise<Json>;
}

const textResult = (text: string): Json => ({ content: [{ type: 'text', text }] });
const string = { type: 'string' };
const image = { type: 'image', data: PNG, mimeType: 'image/png' };

const elicit = (message: string, properties: Json, required = Object.keys(properties)): InputRequest => ({
  method: 'elicitation/create',
  params: { message, requestedSchema: { type: 'object', properties, required } },
});
const sample = (text: string, maxTokens = 100): InputRequest => ({
  method: 'sampling/createMessage',
  params: { messages: [{ role: 'user', content: { type: 'text', text } }], maxTokens },
});
const listRoots: InputRequest = { method: 'roots/list', params: {} };

async function askOne(call: Call, request: InputRequest): Promise<Json> {
  return (await call.ask({ answer: request })).answer!;
}

const elicited = ({ action, content }: Json) =>
  textResult(`Elicitation completed: action=${action}, content=${JSON.stringify(content ?? {})}`);

const choices = (first: string, word: string) =>
  [1, 2, 3].map((n) => ({ const: `${first}${n}`, title: `${['First', 'Second', 'Third'][n - 1]} ${word}` }));
const options = ['option1', 'option2', 'option3'];

const contents: Record<string, FixtureTool> = {
  test_simple_text: {
    description: 'Answers with a text.',
    run: () => textResult('This is a simple text response for testing.'),
  },
  test_image_content: { description: 'Answers with an image.', run: () => ({ content: [image] }) },
  test_audio_content: {
    description: 'Answers with a sound.',
    run: () => ({ content: [{ type: 'audio', data: WAV, mimeType: 'audio/wav' }] }),
  },
  test_embedded_resource: {
    description: 'Answers with a resource.',
    run: () => ({
      content: [
        {
          type: 'resource',
          resource: {
            uri: 'test://embedded-resource',
            mimeType: 'text/plain',
            text: 'This is an embedded resource content.',
          },
        },
      ],
    }),
  },
  test_multiple_content_types: {
    description: 'Answers with a text, an image and a resource.',
    run: () => ({
      content: [
        { type: 'text', text: 'Multiple content types test:' },
        image,
        {
          type: 'resource',
          resource: {
            uri: 'test://mixed-content-resource',
            mimeType: 'application/json',
            text: '{"test":"data","value":123}',
          },
        },
      ],
    }),
  },
  test_error_handling: {
    description: 'Always fails.',
    run: () => ({ ...textResult('This tool intentionally returns an error for testing'), isError: true }),
  },
  json_schema_2020_12_tool: {
    description: 'Has an input schema with the vocabulary of JSON Schema 2020-12.',
    inputSchema: {
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      type: 'object',
      $defs: {
        address: { $anchor: 'addressDef', type: 'object', properties: { street: string, city: string } },
      },
      properties: {
        name: string,
        address: { $ref: '#/$defs/address' },
        contactMethod: { type: 'string', enum: ['phone', 'email'] },
        phone: string,
        email: string,
      },
      allOf: [{ anyOf: [{ required: ['phone'] }, { required: ['email'] }] }],
      if: { properties: { contactMethod: { const: 'phone' } }, required: ['contactMethod'] },
      // oxlint-disable-next-line unicorn/no-thenable -- JSON Schema’s keyword
      then: { required: ['phone'] },
      else: { required: ['email'] },
      additionalProperties: false,
    },
    run: (_, args) => textResult(`Called with ${JSON.stringify(args)}`),
  },
  test_x_mcp_header: {
    description: 'Has a parameter that clients repeat in a header (SEP-2243).',
    properties: { region: { ...string, 'x-mcp-header': 'Region' }, query: string },
    run: (_, { region = 'nowhere' }) => textResult(`Called for ${region}`),
  },
};

const streams: Record<string, FixtureTool> = {
  test_tool_with_logging: {
    description: 'Logs three messages on its way.',
    async run(call) {
      call.log('info', 'Tool execution started');
      await sleep(50);
      call.log('info', 'Tool processing data');
      await sleep(50);
      call.log('info', 'Tool execution completed');
      return textResult('Logged three messages.');
    },
  },
  test_logging_tool: {
    description: 'Logs one message, for clients that ask for it.',
    run(call) {
      call.log('info', 'A message at level info');
      return textResult('Logged one message.');
    },
  },
  test_tool_with_progress: {
    description: 'Reports its progress three times.',
    async run(call) {
      call.progress(0, 100);
      await sleep(50);
      call.progress(50, 100);
      await sleep(50);
      call.progress(100, 100);
      return textResult('Went from 0 to 100.');
    },
  },
  test_reconnection: {
    description: 'Ends its connection before its result is there (SEP-1699).',
    async run(call) {
      await sleep(50);
      call.closeStream();
      await sleep(200);
      return textResult('The result came after the connection had ended.');
    },
  },
  test_wait: {
    description: 'Waits until the time is over or the call is cancelled.',
    properties: { seconds: { type: 'number' } },
    required: ['seconds'],
    async run({ signal }, { seconds }) {
      await sleep(Math.min(60, Number(seconds)) * 1000, undefined, { signal });
      return textResult(`Waited ${seconds} s.`);
    },
  },
  test_trigger_tool_change: {
    description: 'Says that the list of tools changed.',
    run(call) {
      call.changed('tools');
      return textResult('Said so.');
    },
  },
  test_trigger_prompt_change: {
    description: 'Says that the list of prompts changed.',
    run(call) {
      call.changed('prompts');
      return textResult('Said so.');
    },
  },
  test_trigger_resource_change: {
    description: 'Says that test://watched-resource changed.',
    run(call) {
      call.updated('test://watched-resource');
      return textResult('Said so.');
    },
  },
};

const questions: Record<string, FixtureTool> = {
  test_sampling: {
    description: 'Asks the client’s model.',
    properties: { prompt: string },
    required: ['prompt'],
    async run(call, { prompt }) {
      const { content } = await askOne(call, sample(String(prompt)));
      return textResult(`LLM response: ${content?.text ?? JSON.stringify(content)}`);
    },
  },
  test_elicitation: {
    description: 'Asks the person.',
    properties: { message: string },
    required: ['message'],
    async run(call, { message }) {
      const { action, content } = await askOne(
        call,
        elicit(String(message), {
          username: { ...string, description: 'Their name' },
          email: { ...string, description: 'Their e-mail address' },
        }),
      );
      return textResult(`User response: action=${action}, content=${JSON.stringify(content ?? {})}`);
    },
  },
  test_elicitation_sep1034_defaults: {
    description: 'Asks the person for values that have defaults.',
    run: async (call) =>
      elicited(
        await askOne(
          call,
          elicit(
            'Please check these values',
            {
              name: { ...string, default: 'John Doe' },
              age: { type: 'integer', default: 30 },
              score: { type: 'number', default: 95.5 },
              status: { ...string, enum: ['active', 'inactive', 'pending'], default: 'active' },
              verified: { type: 'boolean', default: true },
            },
            [],
          ),
        ),
      ),
  },
  test_elicitation_sep1330_enums: {
    description: 'Asks the person to choose, in the five forms of a choice.',
    run: async (call) =>
      elicited(
        await askOne(
          call,
          elicit(
            'Please choose',
            {
              untitledSingle: { ...string, enum: options },
              titledSingle: { ...string, oneOf: choices('value', 'Option') },
              legacyEnum: {
                ...string,
                enum: ['opt1', 'opt2', 'opt3'],
                enumNames: ['Option One', 'Option Two', 'Option Three'],
              },
              untitledMulti: { type: 'array', items: { ...string, enum: options } },
              titledMulti: { type: 'array', items: { anyOf: choices('value', 'Choice') } },
            },
            [],
          ),
        ),
      ),
  },
  test_streaming_elicitation: {
    description: 'Asks the person, on an event stream.',
    async run(call) {
      call.openStream();
      return elicited(await askOne(call, elicit('What is your name?', { name: string })));
    },
  },
  test_missing_capability: {
    description: 'Needs a client that can sample.',
    run(call) {
      requireCapabilities(call, [sample('')]);
      return textResult('The client can sample.');
    },
  },
};

const rounds: Record<string, FixtureTool> = {
  test_input_required_result_elicitation: {
    description: 'Asks for a name.',
    async run(call) {
      const { user_name } = await call.ask({ user_name: elicit('What is your name?', { name: string }) });
      return textResult(`Hello, ${user_name!.content?.name ?? 'stranger'}!`);
    },
  },
  test_input_required_result_sampling: {
    description: 'Asks the client’s model for a capital.',
    async run(call) {
      const answers = await call.ask({ capital_question: sample('What is the capital of France?') });
      return textResult(`The model said: ${answers.capital_question!.content?.text}`);
    },
  },
  test_input_required_result_list_roots: {
    description: 'Asks for the client’s roots.',
    async run(call) {
      const { client_roots } = await call.ask({ client_roots: listRoots });
      return textResult(`Roots: ${client_roots!.roots.map(({ uri }: Json) => uri).join(', ')}`);
    },
  },
  test_input_required_result_request_state: {
    description: 'Asks for a confirmation and keeps its state with the client.',
    async run(call) {
      await call.ask({ confirm: elicit('Please confirm', { ok: { type: 'boolean' } }) }, { keep: true });
      return textResult('state-ok');
    },
  },
  test_input_required_result_tampered_state: {
    description: 'Asks for a confirmation and refuses a state that somebody changed.',
    async run(call) {
      await call.ask({ confirm: elicit('Please confirm', { ok: { type: 'boolean' } }) }, { keep: true });
      return textResult('The state came back unchanged.');
    },
  },
  test_input_required_result_multiple_inputs: {
    description: 'Asks three things at once.',
    async run(call) {
      const answers = await call.ask(
        {
          user_name: elicit('What is your name?', { name: string }),
          greeting: sample('Generate a greeting', 50),
          client_roots: listRoots,
        },
        { keep: true },
      );
      return textResult(`Got ${Object.keys(answers).join(', ')}`);
    },
  },
  test_input_required_result_multi_round: {
    description: 'Asks twice, one after the other.',
    async run(call) {
      const { step1 } = await call.ask(
        { step1: elicit('Step 1: What is your name?', { name: string }) },
        { keep: true },
      );
      const { step2 } = await call.ask({
        step2: elicit('Step 2: What is your favorite color?', { color: string }),
      });
      return textResult(`${step1!.content?.name} likes ${step2!.content?.color}`);
    },
  },
  test_input_required_result_capabilities: {
    description: 'Asks only what the client says it can answer.',
    async run(call) {
      const { capabilities } = call;
      const requests: Record<string, InputRequest> = {
        ...(capabilities.elicitation ? { name: elicit('What is your name?', { name: string }) } : {}),
        ...(capabilities.sampling ? { model: sample('Which model are you?') } : {}),
        ...(capabilities.roots ? { roots: listRoots } : {}),
      };
      if (Object.keys(requests).length === 0) return textResult('The client can answer nothing.');
      return textResult(`Got ${Object.keys(await call.ask(requests)).join(', ')}`);
    },
  },
};

// The first must be callable without arguments: the suites' header checks call whatever stands there.
const tools: ReadonlyMap<string, FixtureTool> = new Map(
  Object.entries({ ...contents, ...streams, ...questions, ...rounds }),
);

/** The definitions as `tools/list` gives them, in a fixed order. */
export function fixtureTools(): { name: string; description: string; inputSchema: Json }[] {
  return [...tools].map(([name, { description, properties = {}, required, inputSchema }]) => ({
    name,
    description,
    inputSchema: inputSchema ?? { type: 'object', properties, ...(required ? { required } : {}) },
  }));
}

/** Calls a tool. Throws `RpcError` for an unknown name and for arguments that are missing. */
export async function callTool(call: Call): Promise<Json> {
  const { name, arguments: args = {} } = call.params;
  const tool = tools.get(String(name));
  if (!tool) throw new RpcError(-32602, `Unknown tool: ${name}`);
  const missing = (tool.required ?? []).filter((key) => args[key] === undefined);
  if (missing.length > 0) throw new RpcError(-32602, `${name} needs ${missing.join(', ')}.`);
  return tool.run(call, args);
}
