// How a program that is an MCP client is pointed at Gatehouse; the token stays out of its code.
import { lines, tokenVariable, type McpClient, type SnippetOf } from './snippet';

/** A program in TypeScript that takes the token from its environment. */
const program =
  (packages: string, code: (url: string) => string): SnippetOf =>
  (endpoint, token) => ({
    steps: [
      'In a terminal, install the package and set the token where the program will run.',
      'Put this into your program; run as it is, it prints the tools that the token may call.',
    ],
    before: lines(`npm install ${packages}`, tokenVariable(token)),
    code: code(JSON.stringify(endpoint).replaceAll('"', "'")),
    language: 'typescript',
  });

const authorization = '{ Authorization: `Bearer ${process.env.GATEHOUSE_TOKEN}` }';

export const programs: readonly McpClient[] = [
  {
    ...{ id: 'openai-responses', title: 'OpenAI Responses API', kind: 'code', fromOutside: true },
    ways: {
      token: (endpoint, token) => ({
        steps: [
          'In a terminal, install the package and set the token where the program will run.',
          'Put this into your program. OpenAI’s servers make the calls, so they see the token.',
        ],
        before: lines('pip install openai', tokenVariable(token)),
        code: lines(
          'import os',
          'from openai import OpenAI',
          '',
          'response = OpenAI().responses.create(',
          '    model="gpt-5",',
          '    tools=[',
          '        {',
          '            "type": "mcp",',
          '            "server_label": "asana",',
          `            "server_url": ${JSON.stringify(endpoint)},`,
          '            "authorization": os.environ["GATEHOUSE_TOKEN"],',
          '            "require_approval": "never",',
          '        }',
          '    ],',
          '    input="Which of my tasks are due this week?",',
          ')',
          'print(response.output_text)',
        ),
        language: 'python',
      }),
    },
  },
  {
    ...{ id: 'ai-sdk', title: 'AI SDK', kind: 'code' },
    ways: {
      token: program('ai @ai-sdk/mcp', (url) =>
        lines(
          `import { createMCPClient } from '@ai-sdk/mcp';`,
          '',
          'const asana = await createMCPClient({',
          '  transport: {',
          `    type: 'http',`,
          `    url: ${url},`,
          `    headers: ${authorization},`,
          '  },',
          '});',
          'const tools = await asana.tools();',
          'console.log(Object.keys(tools)); // then: generateText({ model, tools, prompt })',
          'await asana.close();',
        ),
      ),
    },
  },
  {
    ...{ id: 'langchain', title: 'LangChain', kind: 'code' },
    ways: {
      token: program('@langchain/mcp-adapters @langchain/core', (url) =>
        lines(
          `import { MultiServerMCPClient } from '@langchain/mcp-adapters';`,
          '',
          'const client = new MultiServerMCPClient({',
          '  mcpServers: {',
          '    asana: {',
          `      transport: 'http',`,
          `      url: ${url},`,
          `      headers: ${authorization},`,
          '    },',
          '  },',
          '});',
          'const tools = await client.getTools();',
          'console.log(tools.map((tool) => tool.name)); // then: createAgent({ model, tools })',
          'await client.close();',
        ),
      ),
    },
  },
  {
    ...{ id: 'openai-agents', title: 'OpenAI Agents', kind: 'code' },
    ways: {
      token: program('@openai/agents', (url) =>
        lines(
          `import { MCPServerStreamableHttp } from '@openai/agents';`,
          '',
          'const asana = new MCPServerStreamableHttp({',
          `  name: 'asana',`,
          `  url: ${url},`,
          `  requestInit: { headers: ${authorization} },`,
          '});',
          'await asana.connect();',
          'const tools = await asana.listTools();',
          'console.log(tools.map((tool) => tool.name)); // then: new Agent({ name, instructions, mcpServers: [asana] })',
          'await asana.close();',
        ),
      ),
    },
  },
  {
    ...{ id: 'mastra', title: 'Mastra', kind: 'code' },
    ways: {
      token: program('@mastra/mcp @mastra/core', (url) =>
        lines(
          `import { MCPClient } from '@mastra/mcp';`,
          '',
          'const client = new MCPClient({',
          `  id: 'gatehouse',`,
          '  servers: {',
          '    asana: {',
          `      url: new URL(${url}),`,
          `      requestInit: { headers: ${authorization} },`,
          '    },',
          '  },',
          '});',
          'const tools = await client.listTools();',
          'console.log(Object.keys(tools)); // then: new Agent({ id, name, instructions, model, tools })',
          'await client.disconnect();',
        ),
      ),
    },
  },
  {
    ...{ id: 'mcp-sdk', title: 'MCP SDK', kind: 'code' },
    ways: {
      token: program('@modelcontextprotocol/sdk', (url) =>
        lines(
          `import { Client } from '@modelcontextprotocol/sdk/client/index.js';`,
          `import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';`,
          '',
          `const client = new Client({ name: 'my-agent', version: '1.0.0' });`,
          'await client.connect(',
          `  new StreamableHTTPClientTransport(new URL(${url}), {`,
          `    requestInit: { headers: ${authorization} },`,
          '  }),',
          ');',
          'const { tools } = await client.listTools();',
          'console.log(tools.map((tool) => tool.name)); // then: client.callTool({ name, arguments })',
          'await client.close();',
        ),
      ),
    },
  },
];
